"""What a labeler is told of their own work: what was done on each day, and how often others see it alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, cast, func, select
from sqlalchemy.orm import Session, aliased

from app.accounts.models import User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.tasks.models import Purpose, Task

NEWEST = 300  # of one's rankings, for the share
FEWEST_TASKS = 20  # under which a share would say more of chance than of the work


@dataclass(frozen=True)
class Day:
    """In UTC; `minutes` are active time."""

    day: date
    done: int
    minutes: float


@dataclass(frozen=True)
class SeenAlike:
    """Of pairs of outputs that one and another labeler both put in an order, the share in the same order."""

    share: float
    pairs: int
    tasks: int


def days_of(session: Session, labeler: User, since: datetime) -> Sequence[Day]:
    """Newest first, without days off."""
    day = cast(func.timezone("UTC", Annotation.created_at), Date)
    query = (
        select(
            day,
            func.count().filter(Annotation.kind != AnnotationKind.SKIP),
            func.sum(Annotation.seconds) / 60,
        )
        .where(Annotation.labeler_id == labeler.id, Annotation.created_at >= since, Annotation.current)
        .group_by(day)
        .order_by(day.desc())
    )
    return [Day(when, done, minutes or 0) for when, done, minutes in session.execute(query)]


def seen_alike(session: Session, labeler: User) -> SeenAlike | None:
    """Over the newest rankings of real tasks; None with too few tasks that others ranked, too."""
    newest = (
        select(Annotation.id, Annotation.task_id)
        .where(Annotation.labeler_id == labeler.id, *_counted(Annotation))
        .order_by(Annotation.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    theirs = aliased(Annotation)
    first, second, their_first, their_second = (aliased(AnnotatedOutput) for _ in range(4))
    same = func.sign(first.rank - second.rank) * func.sign(their_first.rank - their_second.rank)
    query = (
        select(func.count().filter(same > 0), func.count(), func.count(newest.c.task_id.distinct()))
        .select_from(newest)
        .join(Task, (Task.id == newest.c.task_id) & (Task.purpose == Purpose.REAL))
        .join(theirs, (theirs.task_id == newest.c.task_id) & (theirs.labeler_id != labeler.id))
        .join(first, first.annotation_id == newest.c.id)
        .join(second, (second.annotation_id == newest.c.id) & (second.completion_id > first.completion_id))
        .join(
            their_first, (their_first.annotation_id == theirs.id) & (their_first.completion_id == first.completion_id)
        )
        .join(
            their_second,
            (their_second.annotation_id == theirs.id) & (their_second.completion_id == second.completion_id),
        )
        .where(same != 0, *_counted(theirs))
    )
    alike, pairs, tasks = session.execute(query).one()
    return SeenAlike(alike / pairs, pairs, tasks) if tasks >= FEWEST_TASKS else None


def _counted(annotation: type[Annotation]) -> tuple[ColumnElement[bool], ...]:
    return annotation.kind == AnnotationKind.RANKING, annotation.current.is_(True), annotation.surplus.is_(False)
