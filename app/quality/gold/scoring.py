"""How an answer does against the known one, and a repeat against the answer before."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db import among
from app.quality.gold.models import CheckScore, GoldOutput
from app.quality.signs.answers import Answers, Given
from app.quality.signs.orders import distance, pairs_ordered
from app.tasks.models import Purpose

Ratings = Mapping[int, Mapping[str, Any]]  # by completion


def keep_scores(session: Session, campaign_id: int, answers: Answers) -> None:
    """Of all checks among them; a revision is scored anew, what was scored stays."""
    ratings = known_ratings(session, list(answers.known))
    rows = [
        row
        for given in answers.own
        if given.purpose is not Purpose.REAL and (row := _row(campaign_id, answers, ratings, given))
    ]
    if rows:
        session.execute(insert(CheckScore).values(rows).on_conflict_do_nothing())


def known_ratings(session: Session, tasks: Sequence[int]) -> dict[int, dict[int, dict[str, Any]]]:
    found: dict[int, dict[int, dict[str, Any]]] = {}
    for output in session.scalars(select(GoldOutput).where(among(GoldOutput.task_id, tasks))):
        found.setdefault(output.task_id, {})[output.completion_id] = output.ratings
    return found


def _row(campaign_id: int, answers: Answers, ratings: Mapping[int, Ratings], given: Given) -> dict[str, Any] | None:
    ranks = answers.known.get(given.task) or answers.before.get(given.task) or {}
    if set(ranks) != set(given.completions):
        return None
    centre = given.in_order_of(ranks)
    pairs = pairs_ordered(centre)
    questions, alike = _alike(ratings.get(given.task, {}), given)
    return {
        "annotation_id": given.annotation,
        "labeler_id": given.labeler,
        "campaign_id": campaign_id,
        "purpose": given.purpose,
        "pairs": pairs,
        "agreed": pairs - distance(centre, given.ranks),
        "questions": questions,
        "alike": alike,
        "answered_at": given.at,
    }


def _alike(known: Ratings, given: Given) -> tuple[int, int]:
    """Questions that the known answer rates, and those answered alike; a flag that is not ticked is no."""
    pairs = [
        (value, said.get(name, False if isinstance(value, bool) else None))
        for completion, said in zip(given.completions, given.ratings, strict=True)
        for name, value in known.get(completion, {}).items()
    ]
    return len(pairs), sum(value == said for value, said in pairs)
