"""What waits for a reviewer, in the order that finds the worst first, or as a random share of everything.

Work that was sent back and has come again is always in it. The orders that hold labelers against each other look at
the newest tasks that still have work waiting; as that is reviewed, older tasks come up.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.review.conditions import standing_of_it, waits_for_review
from app.annotations.review.models import ReviewDecision
from app.campaigns.models import Campaign
from app.db import among
from app.projects.forms import AttributeType
from app.projects.models import FormVersion, Project
from app.projects.queries import rating_form
from app.prompts.models import Prompt
from app.quality.agreement.pairs import TIE, verdicts
from app.tasks.models import Task

NEWEST_TASKS = 1_000
EVERYTHING = 100
NOT_NEGATIVE = (1 << 63) - 1


class Order(StrEnum):
    RANDOM = "random"
    DISAGREEMENTS = "disagreements"
    LOW_RATINGS = "low_ratings"


@dataclass(frozen=True)
class QueueFilter:
    """`share` in per cent: the same `seed` draws the same work, revisions of it too."""

    project: Project
    campaign: int | None = None
    labeler: int | None = None
    order: Order = Order.RANDOM
    share: int = EVERYTHING
    seed: int = 1


@dataclass(frozen=True)
class Place:
    """Where an annotation stands in the order: by `key` first, then by number."""

    key: float
    annotation: int

    def __str__(self) -> str:
        return f"{self.key!r}_{self.annotation}"


@dataclass(frozen=True)
class Waiting:
    """`figure`: the share of contradicted pairs, or the lowest rating from 0 to 1, by the order; none where unknown.

    `earlier` is the decision that stands of a former revision, or of this one where the labeler answered it.
    """

    place: Place
    figure: float | None
    annotation: Annotation
    campaign: Campaign
    prompt: Prompt | None
    labeler: User
    earlier: ReviewDecision | None


@dataclass(frozen=True)
class _Said:
    """Of one annotation; `ranks` and `ratings` (from 0 to 1) by the number of the output."""

    annotation: int
    waits: bool
    outputs: tuple[int, ...]
    ranks: tuple[int | None, ...]
    ratings: tuple[float | None, ...]


def queue(session: Session, chosen: QueueFilter, size: int, after: Place | None = None) -> list[Waiting]:
    """At most `size`, beginning after a place: three or six queries, however long the queue."""
    if chosen.order is Order.RANDOM:
        return _shown(session, _drawn(session, chosen, size, after))
    found = _scored(session, chosen)
    return _shown(session, [each for each in found if after is None or _sorting(each[0]) > _sorting(after)][:size])


def _sorting(place: Place) -> tuple[float, int]:
    return place.key, place.annotation


def _candidates(session: Session, chosen: QueueFilter, *columns: Any) -> Select[Any]:
    """The project's campaigns are looked up first, so that the planner knows how few or many rows theirs are."""
    campaigns = select(Campaign.id).where(Campaign.project_id == chosen.project.id)
    if chosen.campaign is not None:
        campaigns = campaigns.where(Campaign.id == chosen.campaign)
    query = (
        select(*columns)
        .select_from(Annotation)
        .join(Task, Task.id == Annotation.task_id)
        .where(Task.campaign_id.in_(session.scalars(campaigns).all()), *waits_for_review())
    )
    if chosen.labeler is not None:
        query = query.where(Annotation.labeler_id == chosen.labeler)
    if chosen.share < EVERYTHING:
        query = query.where(or_(_in_share(chosen), exists().where(standing_of_it())))
    return query


def _in_share(chosen: QueueFilter) -> ColumnElement[bool]:
    drawn = func.hashint8extended(Annotation.assignment_id, chosen.seed, type_=BigInteger).bitwise_and(NOT_NEGATIVE)
    return drawn % EVERYTHING < chosen.share


def _drawn(session: Session, chosen: QueueFilter, size: int, after: Place | None) -> list[tuple[Place, float | None]]:
    """Newest first: the primary key is read backwards until a page is full."""
    query = _candidates(session, chosen, Annotation.id)
    if after is not None:
        query = query.where(Annotation.id < after.annotation)
    numbers = session.scalars(query.order_by(Annotation.id.desc()).limit(size))
    return [(Place(0.0, number), None) for number in numbers]


def _scored(session: Session, chosen: QueueFilter) -> list[tuple[Place, float | None]]:
    """In order; what has no figure comes last."""
    figures: dict[int, float | None] = {}
    for said in _said_of_tasks(session, chosen).values():
        measure = contradicted(said) if chosen.order is Order.DISAGREEMENTS else [_lowest(each) for each in said]
        figures |= {each.annotation: figure for each, figure in zip(said, measure, strict=True) if each.waits}
    sign = -1 if chosen.order is Order.DISAGREEMENTS else 1
    places = [
        (Place(2.0 if figure is None else sign * figure, annotation), figure) for annotation, figure in figures.items()
    ]
    return sorted(places, key=lambda each: _sorting(each[0]))


def _said_of_tasks(session: Session, chosen: QueueFilter) -> dict[int, list[_Said]]:
    """By task, all that counts of it, whoever said it and whether it waits or not."""
    judged = Annotation.kind.in_([AnnotationKind.RANKING, AnnotationKind.RATING])
    candidates = _candidates(session, chosen).where(judged)
    tasks = candidates.add_columns(Annotation.task_id).distinct().order_by(Annotation.task_id.desc())
    of_newest = among(Annotation.task_id, session.scalars(tasks.limit(NEWEST_TASKS)))
    waiting = set(session.scalars(candidates.add_columns(Annotation.id).where(of_newest)))
    listed = (AnnotatedOutput.completion_id, AnnotatedOutput.rank, _rating(session, chosen.project))
    columns = (func.array_agg(aggregate_order_by(each, AnnotatedOutput.completion_id)) for each in listed)
    query = (
        select(Annotation.task_id)
        .add_columns(Annotation.id, *columns)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .where(of_newest, Annotation.current, ~Annotation.surplus, judged)
        .group_by(Annotation.id)
        .order_by(Annotation.id)
    )
    found: dict[int, list[_Said]] = defaultdict(list)
    for task, *said in session.execute(query):
        number, outputs, ranks, ratings = said
        found[task].append(_Said(number, number in waiting, tuple(outputs), tuple(ranks), tuple(ratings)))
    return found


def _rating(session: Session, project: Project) -> ColumnElement[Any]:
    """The answer to the first scale of the form it was given on, from 0 to 1."""
    forms: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for version in session.scalars(select(FormVersion).where(FormVersion.project_id == project.id)):
        if scale := next((each for each in rating_form(version).output if each.type is AttributeType.SCALE), None):
            forms[scale.name, scale.first, scale.points or 2].append(version.id)
    cases = [
        (
            and_(
                Annotation.form_version_id.in_(versions), func.jsonb_typeof(AnnotatedOutput.ratings[name]) == "number"
            ),
            (cast(AnnotatedOutput.ratings[name].astext, Double) - first) / (points - 1),
        )
        for (name, first, points), versions in forms.items()
    ]
    return case(*cases, else_=null()) if cases else cast(literal(None), Double)


def contradicted(said: Sequence[_Said]) -> list[float | None]:
    """Of each, the share of its pairs in strict order that another labeler ordered the other way; ties are left out.

    Where outputs were rated and not ranked, the mean distance of the ratings. None where nobody else said anything.
    """
    figures = dict.fromkeys((each.annotation for each in said), None) | _contradictions(said)
    rated = [each for each in said if None in each.ranks]
    figures |= {each.annotation: _distance(each, [other for other in said if other is not each]) for each in rated}
    return [figures[each.annotation] for each in said]


def _contradictions(said: Sequence[_Said]) -> dict[int, float | None]:
    """Of rankings, by annotation; only those of the same outputs are held against each other."""
    figures: dict[int, float | None] = {}
    for outputs in {each.outputs for each in said if len(each.outputs) > 1}:
        same = [each for each in said if each.outputs == outputs and None not in each.ranks]
        if len(same) > 1:
            signs = verdicts(np.array([each.ranks for each in same], dtype=np.int64)) - TIE
            strict, alike = np.abs(signs) @ np.abs(signs).T, signs @ signs.T
            others = 1 - np.eye(len(same), dtype=np.int64)
            pairs, contrary = (strict * others).sum(axis=1), ((strict - alike) // 2 * others).sum(axis=1)
            shares = [float(part / whole) if whole else None for part, whole in zip(contrary, pairs, strict=True)]
            figures |= dict(zip((each.annotation for each in same), shares, strict=True))
    return figures


def _distance(mine: _Said, others: Sequence[_Said]) -> float | None:
    distances = [
        abs(one - another)
        for other in others
        if other.outputs == mine.outputs
        for one, another in zip(mine.ratings, other.ratings, strict=True)
        if one is not None and another is not None
    ]
    return sum(distances) / len(distances) if distances else None


def _lowest(said: _Said) -> float | None:
    return min((rating for rating in said.ratings if rating is not None), default=None)


def _shown(session: Session, found: Sequence[tuple[Place, float | None]]) -> list[Waiting]:
    query = (
        select(Annotation, Campaign, Prompt, User, ReviewDecision)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(User, User.id == Annotation.labeler_id)
        .outerjoin(Prompt, Prompt.id == func.coalesce(Annotation.prompt_id, Task.prompt_id))
        .outerjoin(ReviewDecision, standing_of_it())
        .where(Annotation.id.in_([place.annotation for place, _ in found]))
    )
    rows: dict[int, tuple[Any, ...]] = {row[0].id: tuple(row) for row in session.execute(query)}
    return [Waiting(place, figure, *rows[place.annotation]) for place, figure in found if place.annotation in rows]
