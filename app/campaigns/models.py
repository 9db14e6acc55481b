"""A campaign: a body of tasks of one kind, with the form and guidelines as they stood when it opened."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import Cohort
from app.db import Base, Created, PrimaryKey, choices


class CampaignKind(StrEnum):
    DEMONSTRATE = "demonstrate"
    COMPARE = "compare"
    RATE = "rate"
    WRITE_PROMPTS = "write_prompts"
    EVALUATE = "evaluate"
    RED_TEAM = "red_team"


class CampaignState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


class Campaign(Base):
    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        UniqueConstraint("id", "kind"),
        CheckConstraint("overlap BETWEEN 1 AND 20", name="overlap_in_range"),
        CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name="lease_in_range"),
        CheckConstraint("state = 'draft' OR form_version_id IS NOT NULL", name="form_frozen_when_open"),
        CheckConstraint("kind <> 'evaluate' OR cohort = 'held_out' OR imported", name="held_out_evaluates"),
        CheckConstraint("kind <> 'red_team' OR rule_id IS NOT NULL", name="red_team_names_a_rule"),
        CheckConstraint("gold_rate BETWEEN 0 AND 0.5 AND repeat_rate BETWEEN 0 AND 0.5", name="most_tasks_are_real"),
        CheckConstraint("0 <= pause_below AND pause_below <= warn_below AND warn_below <= 1", name="warned_first"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str]
    kind: Mapped[CampaignKind] = mapped_column(choices(CampaignKind, "kind"))
    state: Mapped[CampaignState] = mapped_column(choices(CampaignState, "state"), server_default=CampaignState.DRAFT)
    imported: Mapped[bool] = mapped_column(server_default=text("false"))
    form_version_id: Mapped[int | None] = mapped_column(ForeignKey("form_versions.id"))
    guidelines_id: Mapped[int | None] = mapped_column(ForeignKey("guidelines.id"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))  # attacked, or judged on the rule's own form
    content_warning: Mapped[str | None]  # those who opted out of sensitive content get none of its tasks
    overlap: Mapped[int] = mapped_column(server_default="1")
    cohort: Mapped[Cohort] = mapped_column(choices(Cohort, "cohort"), server_default=Cohort.TRAINING)
    priority: Mapped[int] = mapped_column(server_default="0")  # higher is handed out first
    lease_minutes: Mapped[int] = mapped_column(server_default="60")
    gold_rate: Mapped[float] = mapped_column(Double, server_default="0")  # shares of each labeler's tasks
    repeat_rate: Mapped[float] = mapped_column(Double, server_default="0")
    trains: Mapped[bool] = mapped_column(server_default=text("false"))  # whether it begins with training tasks
    warn_below: Mapped[float] = mapped_column(Double, server_default="0.75")  # agreement with known answers
    pause_below: Mapped[float] = mapped_column(Double, server_default="0.65")
    formatted_to: Mapped[float] = mapped_column(Double, server_default="0")  # the position up to which texts are HTML
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    @property
    def mixes_in(self) -> bool:
        """Whether known answers or repeats come among its tasks."""
        return self.trains or self.gold_rate > 0 or self.repeat_rate > 0


class CampaignMember(Base):
    """Who may work in it. `quality` decides and writes; claiming a task reads only this."""

    __tablename__ = "campaign_members"
    __table_args__ = (Index("ix_campaign_members_user_id", "user_id", "campaign_id"),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    joined_at: Mapped[Created]
