"""What labelers were told was saved, against what the database holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation
from app.tasks.models import Assignment
from tests.benchmarks.killing.labelers import Acknowledged
from tests.benchmarks.load.counting import over_collected

MISCOUNTED = text("""
    SELECT count(*) FROM tasks WHERE remaining <> overlap - (
        SELECT count(*) FROM annotations
        WHERE task_id = tasks.id AND current AND NOT surplus AND kind <> 'skip'
    ) - (SELECT count(*) FROM assignments WHERE task_id = tasks.id AND state = 'leased')
""")


@dataclass(frozen=True)
class Reckoning:
    """All but the first are to be 0: acknowledged and not there or there with other ranks; there and never
    acknowledged; tasks with more answers than asked for; tasks whose open slots are not what is missing."""

    acknowledged: int
    lost: int
    unasked: int
    over_collected: int
    miscounted: int

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.unasked or self.over_collected or self.miscounted)


def reckon(session: Session, acknowledged: Sequence[Acknowledged]) -> Reckoning:
    """Every annotation must have come from these labelers."""
    held = _held(session)
    told = {(each.assignment, each.key): each.ranks for each in acknowledged}
    return Reckoning(
        acknowledged=len(acknowledged),
        lost=sum(held.get(key) != ranks for key, ranks in told.items()) + len(acknowledged) - len(told),
        unasked=len(held.keys() - told.keys()),
        over_collected=over_collected(session.connection()),
        miscounted=int(session.execute(MISCOUNTED).scalar_one()),
    )


def _held(session: Session) -> dict[tuple[int, str], tuple[int, ...]]:
    """Ranks in the order shown, by assignment and key; of whole annotations."""
    ranks = {(row.annotation_id, row.completion_id): row.rank or 0 for row in session.scalars(select(AnnotatedOutput))}
    rows = session.execute(
        select(Annotation.id, Annotation.assignment_id, Annotation.idempotency_key, Assignment.shown_order)
        .join(Assignment, Assignment.id == Annotation.assignment_id)
        .where(Annotation.current, Annotation.kind == "ranking")
    )
    return {
        (assignment, key): tuple(ranks.get((number, shown), 0) for shown in order)
        for number, assignment, key, order in rows
    }
