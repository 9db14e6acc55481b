"""Which annotations and prompts a dataset takes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import Cohort, Origin, User
from app.annotations.models import Annotation
from app.annotations.review.conditions import (
    is_adjudicated,
    is_approved,
    is_kept_out,
    is_of_adjudicated_task,
    prompts_kept_out,
)
from app.campaigns.models import Campaign, CampaignKind
from app.db import among
from app.projects.models import Project
from app.prompts.models import Prompt, PromptKind, Split
from app.tasks.models import Purpose, Task, TaskCompletion
from app.translation import gettext

People = Literal["people", "simulated", "both"]


class Days(BaseModel):
    """From one day to another, both taken, in UTC; an end left out is open."""

    since: date | None = None
    until: date | None = Field(default=None, description="The last day taken.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError(gettext("The first day is after the last."))
        return self


class DatasetFilter(Days):
    """Imported annotations count as people's unless they were marked as simulated. Days are in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: People = "people"
    cohort: Cohort = Cohort.TRAINING
    splits: tuple[Split, ...] = tuple(Split)
    campaigns: tuple[int, ...] | None = Field(default=None, description="Campaign numbers; without them all.")
    labelers: tuple[int, ...] | None = Field(
        default=None, description="Only what these wrote; of prompts it says nothing."
    )
    attacks: bool = Field(default=False, description="Prompts that attack a rule, and what was said of their answers.")
    unjudged: bool = Field(default=False, description="Of prompts: only those whose outputs nobody was asked to judge.")
    drawn_by: str | None = Field(default=None, description="Of prompts: another word draws others under `at_most`.")
    reviewed: bool = Field(default=False, description="Only what was approved, corrected or preferred.")
    adjudicated: bool = Field(default=False, description="Of an adjudicated task only the ranking that is preferred.")
    at_most: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _takes_something(self) -> Self:
        if not self.splits:
            raise ValueError(gettext("Choose at least one split."))
        return self


class LiveFilter(Days):
    """Without a cohort, everybody's: each line says whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: People = "both"
    cohort: Cohort | None = None
    campaign: int | None = None


def annotations_taken(project: Project, chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    """Conditions over annotations joined with tasks, campaigns and prompts.

    Surplus, superseded and skipped work stays out, and so do gold, repeated and training tasks, and what reviewers
    keep out.
    """
    return [*annotations_asked_for(project, chosen), ~is_kept_out()]


def annotations_asked_for(project: Project, chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    """What the filter would take were nothing excluded or sent back; over annotations joined with the same."""
    conditions: list[ColumnElement[bool]] = [
        Campaign.project_id == project.id,
        Annotation.current.is_(True),
        _one_of_each_adjudicated_task() if chosen.adjudicated else Annotation.surplus.is_(False),
        Task.purpose == Purpose.REAL,
        Annotation.cohort == chosen.cohort,
        Prompt.split.in_(chosen.splits),
        *on_days(Annotation.created_at, chosen.since, chosen.until),
    ]
    if chosen.cohort is Cohort.TRAINING:
        conditions.append(Campaign.kind != CampaignKind.EVALUATE)
    if chosen.people != "both":
        conditions.append(Annotation.simulated == (chosen.people == "simulated"))
    if chosen.campaigns is not None:
        conditions.append(Campaign.id.in_(chosen.campaigns))
    if chosen.labelers is not None:
        conditions.append(among(Annotation.labeler_id, chosen.labelers))
    if chosen.reviewed:
        conditions.append(is_approved() | is_adjudicated())
    return [*conditions, *_attacks_only_if_asked(chosen)]


def _one_of_each_adjudicated_task() -> ColumnElement[bool]:
    """The adjudicator's own ranking is a surplus one."""
    return is_adjudicated() | (Annotation.surplus.is_(False) & ~is_of_adjudicated_task())


def prompts_taken(project: Project, chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    """Conditions over prompts alone, without those that reviewers keep out.

    Cohort says nothing of them: what held-out labelers wrote is a test by its split. Campaigns give the prompts of
    their tasks, or those that were written in them. What simulated labelers wrote stays away from people's; imported
    prompts go with either.
    """
    return [*prompts_asked_for(project, chosen), Prompt.id.not_in(prompts_kept_out())]


def prompts_asked_for(project: Project, chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    """What the filter would take were nothing excluded or sent back."""
    conditions: list[ColumnElement[bool]] = [
        Prompt.project_id == project.id,
        Prompt.in_use.is_(True),
        Prompt.split.in_(chosen.splits),
        *on_days(Prompt.created_at, chosen.since, chosen.until),
        *_attacks_only_if_asked(chosen),
    ]
    if chosen.people != "both":
        wanted = Origin.SIMULATED if chosen.people == "people" else Origin.PERSON
        conditions.append(~exists().where(User.id == Prompt.author_id, User.origin == wanted))
    if chosen.campaigns is not None:
        conditions.append(_of_campaigns(chosen.campaigns))
    if chosen.unjudged:
        conditions.append(~exists().where(Task.prompt_id == Prompt.id, TaskCompletion.task_id == Task.id))
    return conditions


def _of_campaigns(campaigns: Sequence[int]) -> ColumnElement[bool]:
    tasks = select(Task.prompt_id).where(Task.campaign_id.in_(campaigns), Task.prompt_id.is_not(None))
    written = (
        select(Annotation.prompt_id)
        .join(Task, Task.id == Annotation.task_id)
        .where(Task.campaign_id.in_(campaigns), Annotation.prompt_id.is_not(None), Annotation.current)
    )
    return Prompt.id.in_(tasks) | Prompt.id.in_(written)


def _attacks_only_if_asked(chosen: DatasetFilter) -> list[ColumnElement[bool]]:
    return [] if chosen.attacks else [Prompt.kind.is_distinct_from(PromptKind.ATTACK)]


def on_days(
    column: InstrumentedAttribute[datetime], since: date | None, until: date | None
) -> list[ColumnElement[bool]]:
    """From the first moment of `since` to the last of `until`, in UTC; an end left out is open."""
    conditions: list[ColumnElement[bool]] = []
    if since:
        conditions.append(column >= datetime.combine(since, time.min, UTC))
    if until:
        conditions.append(column <= datetime.combine(until, time.max, UTC))  # Postgres counts microseconds too
    return conditions
