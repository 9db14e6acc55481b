"""What a labeler is shown after a training task: the known answer beside theirs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.errors import NotFound
from app.quality.gold.models import GoldAnswer, GoldOutput
from app.quality.signs.orders import distance, pairs_ordered
from app.tasks.models import Assignment, Purpose, Task


@dataclass(frozen=True)
class Compared:
    """One output by completion id: the labeler's rank and answers, and the known ones."""

    completion: int
    rank: int
    known_rank: int
    ratings: Mapping[str, Any]
    known_ratings: Mapping[str, Any]


@dataclass(frozen=True)
class Feedback:
    """Outputs as the labeler saw them; `agreed` of the `pairs` that the known answer orders, a tie being half."""

    outputs: tuple[Compared, ...]
    explanation: str
    pairs: int
    agreed: float


def feedback_on(session: Session, assignment: Assignment) -> Feedback:
    """On a training task that was submitted. Raises `NotFound` for any other: known answers are not told."""
    task = session.get_one(Task, assignment.task_id)
    answer = session.get(GoldAnswer, task.id)
    compared = _compared(session, assignment)
    if task.purpose is not Purpose.TRAINING or answer is None or not compared:
        raise NotFound(what="assignment", number=assignment.id)
    centre, ranks = [each.known_rank for each in compared], [each.rank for each in compared]
    pairs = pairs_ordered(centre)
    return Feedback(tuple(compared), answer.explanation, pairs, pairs - distance(centre, ranks))


def _compared(session: Session, assignment: Assignment) -> list[Compared]:
    query = (
        select(AnnotatedOutput, GoldOutput)
        .join(Annotation, Annotation.id == AnnotatedOutput.annotation_id)
        .join(
            GoldOutput,
            (GoldOutput.task_id == Annotation.task_id) & (GoldOutput.completion_id == AnnotatedOutput.completion_id),
        )
        .where(Annotation.assignment_id == assignment.id, Annotation.current)
        .where(Annotation.kind == AnnotationKind.RANKING, AnnotatedOutput.rank.is_not(None))
    )
    found = {
        said.completion_id: Compared(said.completion_id, said.rank or 0, known.rank, said.ratings, known.ratings)
        for said, known in session.execute(query)
    }
    return [found[number] for number in assignment.shown_order if number in found]
