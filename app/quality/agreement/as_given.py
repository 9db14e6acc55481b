"""What a labeler said of every output that was shown, also where equal texts were shown as several.

Equal texts are one completion, so an imported ranking of five may be stored as one of four; what its file said of the
five is kept with the assignment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.imports.rows import AS_GIVEN
from app.annotations.models import AnnotatedOutput, Annotation
from app.quality.agreement.scope import Scope, joined
from app.tasks.models import Assignment


@dataclass(frozen=True)
class GivenOutput:
    completion: int
    rank: int | None
    ratings: dict[str, Any]


@dataclass(frozen=True)
class PairCounts:
    """Over all pairs of ranked outputs in the order shown: the first preferred, the second preferred, tied."""

    first: int
    second: int
    tied: int

    @property
    def pairs(self) -> int:
        return self.first + self.second + self.tied


def outputs_as_given(session: Session, scope: Scope) -> list[list[GivenOutput]]:
    """Of each answer its outputs in the order shown."""
    query = (
        joined(
            select(
                Annotation.id,
                Assignment.shown_order,
                Assignment.draft[AS_GIVEN],
                AnnotatedOutput.completion_id,
                AnnotatedOutput.rank,
                AnnotatedOutput.ratings,
            )
        )
        .join(Assignment, Assignment.id == Annotation.assignment_id)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .where(*scope.conditions())
        .order_by(Annotation.id)
    )
    rows: Iterable[Any] = session.execute(query)
    return [_answer(list(same)) for _, same in groupby(rows, key=lambda row: row[0])]


def _answer(rows: list[Any]) -> list[GivenOutput]:
    _, shown, as_given, *_ = rows[0]
    if as_given:
        return [GivenOutput(each["completion"], each["rank"], each["ratings"]) for each in as_given]
    outputs = {row[3]: GivenOutput(*row[3:]) for row in rows}
    return [outputs[number] for number in shown if number in outputs]


def pair_counts(answers: Iterable[list[GivenOutput]]) -> PairCounts:
    """`answers` as `outputs_as_given` returns them."""
    counts = [0, 0, 0]
    for outputs in answers:
        ranks = [output.rank for output in outputs if output.rank is not None]
        for one, other in combinations(ranks, 2):
            counts[0 if one < other else 1 if one > other else 2] += 1
    return PairCounts(*counts)
