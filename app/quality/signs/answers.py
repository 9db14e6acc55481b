"""What the signs of a labeler are read from: their rankings in a campaign beside those of others, oldest first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.completions.models import Completion
from app.db import among
from app.quality.gold.models import GoldOutput, RepeatedTask
from app.tasks.models import Assignment, Purpose, Task, TaskCompletion

NEWEST = 200  # answers of a labeler in a campaign: what is older says little of how they work today

Ranks = tuple[int, ...]


@dataclass(frozen=True)
class Given:
    """One ranking; `ranks` and `ratings` are in the task's own order of outputs, which `completions` names.

    `length` counts the characters that were shown, `at` is when the answer was first sent.
    """

    annotation: int
    task: int
    labeler: int
    purpose: Purpose
    at: datetime
    seconds: float | None
    length: int
    shown: tuple[int, ...]
    completions: tuple[int, ...]
    ranks: Ranks
    ratings: tuple[Mapping[str, Any], ...]

    @cached_property
    def ranks_as_shown(self) -> Ranks:
        """Letter A first."""
        by_completion = dict(zip(self.completions, self.ranks, strict=True))
        return tuple(by_completion[number] for number in self.shown if number in by_completion)

    def in_order_of(self, ranks: Mapping[int, int]) -> Ranks:
        """Somebody's ranks by completion, in the order of these."""
        return tuple(ranks[number] for number in self.completions)


@dataclass(frozen=True)
class Answers:
    """`own` in the order in which they came; `others` to the same real tasks; known answers by task, repeats too."""

    labeler: int
    own: Sequence[Given]
    others: Mapping[int, Sequence[Given]]
    known: Mapping[int, Mapping[int, int]]
    before: Mapping[int, Mapping[int, int]]

    @cached_property
    def real(self) -> list[Given]:
        return [given for given in self.own if given.purpose is Purpose.REAL]

    @cached_property
    def of_others(self) -> list[Given]:
        return [given for same in self.others.values() for given in same]


def answers_of(session: Session, campaign_id: int, labeler_id: int, since: datetime | None = None) -> Answers:
    """Four statements, however much was answered."""
    newest = _newest(campaign_id, labeler_id, since)
    tasks = list(session.scalars(newest))
    asked = or_(Annotation.labeler_id == labeler_id, and_(Task.purpose == Purpose.REAL, ~Annotation.surplus))
    found = _given(session, _rankings().where(among(Annotation.task_id, tasks), asked))
    own = sorted((given for given in found if given.labeler == labeler_id), key=lambda given: given.at)
    others: dict[int, list[Given]] = defaultdict(list)
    for given in found:
        if given.labeler != labeler_id:
            others[given.task].append(given)
    return Answers(labeler_id, own, others, known_ranks(session, tasks), ranks_before(session, tasks))


def known_ranks(session: Session, tasks: Iterable[int]) -> dict[int, dict[int, int]]:
    """By task, then by completion."""
    query = select(GoldOutput.task_id, GoldOutput.completion_id, GoldOutput.rank)
    return _by_task(session, query.where(among(GoldOutput.task_id, tasks)))


def ranks_before(session: Session, tasks: Iterable[int]) -> dict[int, dict[int, int]]:
    """Of repeats: what the labeler answered the first time."""
    query = (
        select(RepeatedTask.task_id, AnnotatedOutput.completion_id, AnnotatedOutput.rank)
        .join(Annotation, Annotation.assignment_id == RepeatedTask.original_id)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .where(Annotation.current, AnnotatedOutput.rank.is_not(None))
    )
    return _by_task(session, query.where(among(RepeatedTask.task_id, tasks)))


def _by_task(session: Session, query: Select[*tuple[Any, ...]]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for task, completion, rank in session.execute(query):
        found[task][completion] = rank
    return found


def _newest(campaign_id: int, labeler_id: int, since: datetime | None) -> Select[Any]:
    """The tasks of a labeler's newest rankings."""
    query = (
        select(Annotation.task_id)
        .join(Task, Task.id == Annotation.task_id)
        .where(
            Annotation.labeler_id == labeler_id,
            Task.campaign_id == campaign_id,
            Task.purpose != Purpose.SCREENING,
            Annotation.kind == AnnotationKind.RANKING,
            Annotation.current,
        )
    )
    if since is not None:
        query = query.where(Annotation.created_at >= since)
    return query.order_by(Annotation.created_at.desc()).limit(NEWEST)


def _rankings() -> Select[Any]:
    """Rows of `Given`. When it was first sent tells who was first; a revision comes later."""
    first = select(func.min(Annotation.created_at)).where(Annotation.assignment_id == Assignment.id)
    return (
        select(
            Annotation.id,
            Annotation.task_id,
            Annotation.labeler_id,
            Task.purpose,
            first.correlate(Assignment).scalar_subquery(),
            Annotation.seconds,
            func.sum(func.coalesce(func.length(Completion.text), 0)),
            Assignment.shown_order,
            func.array_agg(aggregate_order_by(AnnotatedOutput.completion_id, TaskCompletion.position)),
            func.array_agg(aggregate_order_by(AnnotatedOutput.rank, TaskCompletion.position)),
            func.jsonb_agg(aggregate_order_by(AnnotatedOutput.ratings, TaskCompletion.position)),
        )
        .join(Task, Task.id == Annotation.task_id)
        .join(Assignment, Assignment.id == Annotation.assignment_id)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .join(
            TaskCompletion,
            (TaskCompletion.task_id == Annotation.task_id)
            & (TaskCompletion.completion_id == AnnotatedOutput.completion_id),
        )
        .where(Annotation.current, Annotation.kind == AnnotationKind.RANKING, AnnotatedOutput.rank.is_not(None))
        .group_by(Annotation.id, Task.purpose, Assignment.id)
    )


def _given(session: Session, query: Select[Any]) -> list[Given]:
    return [
        Given(number, task, labeler, purpose, at, seconds, int(length), *map(tuple, lists))
        for number, task, labeler, purpose, at, seconds, length, *lists in session.execute(query)
    ]
