"""Which annotations and prompts a dataset takes."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import Cohort
from app.annotations.models import Annotation
from app.campaigns.models import Campaign, CampaignKind
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.tasks.models import Purpose, Task
from app.translation import gettext

People = Literal["people", "simulated", "both"]


class DatasetFilter(BaseModel):
    """Imported annotations count as people's unless they were marked as simulated. Days are in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: People = "people"
    cohort: Cohort = Cohort.TRAINING
    splits: tuple[Split, ...] = tuple(Split)
    campaigns: tuple[int, ...] | None = Field(default=None, description="Campaign numbers; without them all.")
    since: date | None = None
    until: date | None = Field(default=None, description="The last day taken.")
    at_most: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _takes_something(self) -> Self:
        if not self.splits:
            raise ValueError(gettext("Choose at least one split."))
        if self.since and self.until and self.since > self.until:
            raise ValueError(gettext("The first day is after the last."))
        return self


def annotations_taken(project: Project, chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    """Conditions over annotations joined with tasks, campaigns and prompts.

    Surplus, superseded and skipped work stays out, and so do gold, repeated and training tasks.
    """
    conditions: list[ColumnElement[bool]] = [
        Campaign.project_id == project.id,
        Annotation.current.is_(True),
        Annotation.surplus.is_(False),
        Task.purpose == Purpose.REAL,
        Annotation.cohort == chosen.cohort,
        Prompt.split.in_(chosen.splits),
        *_between(Annotation.created_at, chosen),
    ]
    if chosen.cohort is Cohort.TRAINING:
        conditions.append(Campaign.kind != CampaignKind.EVALUATE)
    if chosen.people != "both":
        conditions.append(Annotation.simulated == (chosen.people == "simulated"))
    if chosen.campaigns is not None:
        conditions.append(Campaign.id.in_(chosen.campaigns))
    return conditions


def prompts_taken(project: Project, chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    """Conditions over prompts alone: people and cohort say nothing of them."""
    conditions = [
        Prompt.project_id == project.id,
        Prompt.split.in_(chosen.splits),
        *_between(Prompt.created_at, chosen),
    ]
    if chosen.campaigns is not None:
        conditions.append(Prompt.id.in_(select(Task.prompt_id).where(Task.campaign_id.in_(chosen.campaigns))))
    return conditions


def _between(column: InstrumentedAttribute[datetime], chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if chosen.since:
        conditions.append(column >= datetime.combine(chosen.since, time.min, UTC))
    if chosen.until:
        conditions.append(column <= datetime.combine(chosen.until, time.max, UTC))  # Postgres counts microseconds too
    return conditions
