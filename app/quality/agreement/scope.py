"""Whose judgements of which tasks are looked at."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.review.conditions import count_kept_out, is_kept_out
from app.campaigns.models import Campaign
from app.prompts.models import Prompt
from app.tasks.models import Purpose, Task

People = Literal["people", "simulated", "both"]


@dataclass(frozen=True)
class Scope:
    """None means any. `labelers` are looked at alone; `newest_tasks` bounds the work, and what is older stays out.

    `excluded`: what reviewers exclude or sent back counts too.
    """

    project: int | None = None
    campaigns: tuple[int, ...] | None = None
    cohort: Cohort | None = None
    people: People = "people"
    use_case: str | None = None
    labelers: tuple[int, ...] | None = None
    newest_tasks: int | None = None
    excluded: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Over annotations joined with tasks, campaigns and prompts: current answers to real tasks, none of surplus."""
        chosen: list[ColumnElement[bool]] = [
            Annotation.current.is_(True),
            Annotation.surplus.is_(False),
            Annotation.reviewer_id.is_(None),  # what a reviewer corrected is no labeler's judgement
            Annotation.kind.in_([AnnotationKind.RANKING, AnnotationKind.RATING]),
            Task.purpose == Purpose.REAL,
        ]
        if self.project is not None:
            chosen.append(Campaign.project_id == self.project)
        if self.campaigns is not None:
            chosen.append(Campaign.id.in_(self.campaigns))
        if self.cohort is not None:
            chosen.append(Annotation.cohort == self.cohort)
        if self.people != "both":
            chosen.append(Annotation.simulated.is_(self.people == "simulated"))
        if self.use_case is not None:
            chosen.append(Prompt.use_case == self.use_case)
        if not self.excluded:
            chosen.append(~is_kept_out())
        if self.labelers is not None:
            chosen.append(Annotation.labeler_id.in_(self.labelers))
        return chosen


def joined(query: Any) -> Any:
    """A select with the tables that a scope's conditions name; any columns."""
    return joined_to(query.select_from(Annotation))


def joined_to(query: Any) -> Any:
    """The same of a select that has annotations already."""
    return (
        query.join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
    )


def oldest_task(session: Session, scope: Scope) -> int | None:
    """The first task that is within `newest_tasks`; None where all are."""
    if scope.newest_tasks is None:
        return None
    tasks = joined(select(Annotation.task_id)).where(*scope.conditions()).distinct()
    newest = tasks.order_by(Annotation.task_id.desc()).limit(scope.newest_tasks + 1).subquery()
    count, first = session.execute(select(func.count(), func.min(newest.c.task_id))).one()
    return int(first) + 1 if count > scope.newest_tasks else None


def excluded_in(session: Session, scope: Scope, since_task: int | None = None) -> int:
    """How many answers reviewers keep out of the scope, whether it counts them or not."""
    query = joined_to(count_kept_out()).where(*replace(scope, excluded=True).conditions())
    if since_task is not None:
        query = query.where(*from_task(since_task))
    return session.scalar(query) or 0


def from_task(first: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Said of annotations and of their tasks, since PostgreSQL does not conclude the one from the other."""
    return Annotation.task_id >= first, Task.id >= first
