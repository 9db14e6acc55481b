"""What happened and who is told of it: events, webhooks, wishes for e-mail, and each delivery with its attempts."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class EventKind(StrEnum):
    ROUND_FINISHED = "round_finished"
    ROUND_FAILED = "round_failed"
    ROUND_AWAITS_APPROVAL = "round_awaits_approval"
    RUN_FAILED = "run_failed"
    CAMPAIGN_DONE = "campaign_done"
    DATA_WAITING = "data_waiting"
    AUTOMATION_STOPPED = "automation_stopped"
    WEBHOOK_DISABLED = "webhook_disabled"
    TEST = "test"


CHOOSABLE = tuple(kind for kind in EventKind if kind is not EventKind.TEST)


class Event(Base):
    """Written in the transaction of its fact; `key` names the fact, so that none is told twice."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_project_id", "project_id"),)

    id: Mapped[PrimaryKey]
    message_id: Mapped[str] = mapped_column(unique=True)  # by which receivers know a repeated delivery
    kind: Mapped[EventKind] = mapped_column(choices(EventKind, "kind"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))  # none where somebody tries their mail
    key: Mapped[str] = mapped_column(unique=True)
    facts: Mapped[dict[str, Any]]
    path: Mapped[str]  # of the page to look at
    created_at: Mapped[Created]


class Webhook(Base):
    """An address that a project's events are posted to."""

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("ix_webhooks_project_id", "project_id"),
        CheckConstraint("failures >= 0", name="failures_are_counted"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    url: Mapped[str]
    secret: Mapped[str]  # what signs has to be readable; it is shown once
    events: Mapped[list[Any]]  # of EventKind
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    failures: Mapped[int] = mapped_column(server_default="0")  # attempts in a row
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]


class MailWish(Base):
    """A person wants events of a kind by e-mail, of whichever project."""

    __tablename__ = "mail_wishes"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[EventKind] = mapped_column(choices(EventKind, "kind"), primary_key=True)


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Base):
    """One event on its way to one webhook or one person."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "webhook_id"),
        UniqueConstraint("event_id", "user_id"),
        CheckConstraint("num_nonnulls(webhook_id, user_id) = 1", name="goes_to_one"),
        Index("ix_deliveries_webhook_id", "webhook_id"),
        Index("ix_deliveries_user_id", "user_id"),
    )

    id: Mapped[PrimaryKey]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    webhook_id: Mapped[int | None] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    state: Mapped[DeliveryState] = mapped_column(choices(DeliveryState, "state"), server_default=DeliveryState.WAITING)
    attempts: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))  # [{at, status, error}]
    created_at: Mapped[Created]
