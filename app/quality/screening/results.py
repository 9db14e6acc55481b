"""What came out of a screening, labeler by labeler: for admins, who alone see what people said of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.quality.screening.attempts import COMFORTABLE
from app.quality.screening.models import Attempt, AttemptState, Part, PartScore, Screening
from app.quality.screening.queries import scores_of

Order = Literal["newest", "name", "state", "flags", "rankings", "demonstrations", "self_assessment"]
ORDERS: tuple[Order, ...] = ("newest", "name", "state", "flags", "rankings", "demonstrations", "self_assessment")

# Those who wait for a decision come first.
STATES = [
    *(AttemptState.PASSED, AttemptState.FAILED, AttemptState.WAITING, AttemptState.IN_PROGRESS),
    *(AttemptState.ADMITTED, AttemptState.REFUSED),
]


@dataclass(frozen=True)
class Result:
    """One attempt; `is_latest`: the labeler has begun no other since."""

    attempt: Attempt
    labeler: User
    scores: Mapping[Part, PartScore]
    is_latest: bool

    @property
    def may_be_decided(self) -> bool:
        return self.is_latest and not self.attempt.is_under_way

    @property
    def may_get_retake(self) -> bool:
        return self.is_latest and self.attempt.state in (AttemptState.FAILED, AttemptState.REFUSED)


def results_of(session: Session, screening: Screening, order: Order = "newest") -> list[Result]:
    """Scores highest first, names by the alphabet, and where those are equal the newest first."""
    query = (
        select(Attempt, User)
        .join(User, User.id == Attempt.labeler_id)
        .where(Attempt.screening_id == screening.id)
        .order_by(Attempt.id.desc())
    )
    rows = [(attempt, labeler) for attempt, labeler in session.execute(query)]
    scores = scores_of(session, [attempt for attempt, _ in rows])
    latest = {attempt.labeler_id: attempt.id for attempt, _ in reversed(rows)}
    results = [
        Result(attempt, labeler, scores.get(attempt.id, {}), latest[labeler.id] == attempt.id)
        for attempt, labeler in rows
    ]
    return results if order == "newest" else sorted(results, key=lambda each: _place(each, order))


def _place(result: Result, order: Order) -> Any:
    if order == "name":
        return result.labeler.name.casefold()
    if order == "state":
        return STATES.index(result.attempt.state)
    score = result.scores.get(Part(order))
    return -score.score if score else 1.0


def counts_by_state(session: Session, screening: Screening) -> dict[AttemptState, int]:
    """Of labelers' attempts, those that wait for a decision first."""
    query = select(Attempt.state, func.count()).where(Attempt.screening_id == screening.id).group_by(Attempt.state)
    found = dict(session.execute(query).all())
    return {state: found[state] for state in STATES if state in found}


def coverage(screening: Screening, results: Sequence[Result]) -> dict[str, int]:
    """By topic, how many of those who were admitted feel at least comfortable (the paper's team covered many)."""
    said = [each.attempt.comfort or {} for each in results if each.attempt.state is AttemptState.ADMITTED]
    return {topic: sum(each.get(topic, 0) >= COMFORTABLE for each in said) for topic in screening.topics}


def result_rows(screening: Screening, results: Sequence[Result]) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of a table for admins; topics come last, with how comfortable each labeler feels, 1 to 4."""
    rows = [_row(screening, result) for result in results]
    fixed = ["labeler", "cohort", "simulated", "attempt", "state", "began_at", "finished_at"]
    scored = [column for part in Part for column in (part.value, f"{part.value}_cutoff")]
    topics = [f"comfort: {topic}" for topic in screening.topics]
    return [*fixed, *scored, "decided_at", "reason", *topics], rows


def _row(screening: Screening, result: Result) -> dict[str, Any]:
    attempt, labeler = result.attempt, result.labeler
    row: dict[str, Any] = {
        "labeler": labeler.name,
        "cohort": labeler.cohort.value if labeler.cohort else None,
        "simulated": labeler.simulated,
        "attempt": attempt.number,
        "state": attempt.state.value,
        "began_at": attempt.began_at.isoformat(),
        "finished_at": attempt.finished_at.isoformat() if attempt.finished_at else None,
        "decided_at": attempt.decided_at.isoformat() if attempt.decided_at else None,
        "reason": attempt.reason,
    }
    for part, score in result.scores.items():
        row |= {part.value: round(score.score, 4), f"{part.value}_cutoff": score.cutoff}
    return row | {f"comfort: {topic}": (attempt.comfort or {}).get(topic) for topic in screening.topics}
