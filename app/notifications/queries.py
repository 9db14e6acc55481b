"""Reads about webhooks and deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.errors import NotFound
from app.notifications.models import Delivery, Event, Webhook
from app.projects.models import Project

SHOWN = 50  # the newest deliveries


@dataclass(frozen=True)
class Sent:
    """A delivery as a line of the log."""

    delivery: Delivery
    event: Event


def webhooks_of(session: Session, project: Project) -> Sequence[Webhook]:
    return session.scalars(select(Webhook).where(Webhook.project_id == project.id).order_by(Webhook.id)).all()


def all_webhooks(session: Session) -> list[tuple[Webhook, Project]]:
    query = select(Webhook, Project).join(Project, Project.id == Webhook.project_id).order_by(Webhook.id)
    return [(webhook, project) for webhook, project in session.execute(query)]


def webhook_numbered(session: Session, number: int, project: Project | None = None) -> Webhook:
    """One of another project is not there at all."""
    found = session.get(Webhook, number)
    if found is None or (project is not None and found.project_id != project.id):
        raise NotFound(what="webhook", number=number)
    return found


def delivery_to(session: Session, webhook: Webhook, number: int) -> Delivery:
    found = session.get(Delivery, number)
    if found is None or found.webhook_id != webhook.id:
        raise NotFound(what="delivery", number=number)
    return found


def sent_to(session: Session, webhook: Webhook) -> list[Sent]:
    """Newest first."""
    return _sent(session, Delivery.webhook_id == webhook.id)


def mailed_to(session: Session, user: User) -> list[Sent]:
    """Newest first."""
    return _sent(session, Delivery.user_id == user.id)


def _sent(session: Session, condition: ColumnElement[bool]) -> list[Sent]:
    query = select(Delivery, Event).join(Event, Event.id == Delivery.event_id).where(condition)
    rows = session.execute(query.order_by(Delivery.id.desc()).limit(SHOWN))
    return [Sent(delivery, event) for delivery, event in rows]
