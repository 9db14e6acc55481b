"""The table of labelers as flat rows, the same for the command, CSV and JSON; and names of signs in words."""

from collections.abc import Iterable
from typing import Any

from app.errors import message
from app.quality.gold.models import SignKind
from app.quality.watching.queries import Scored, Watched

SIGNS = {
    SignKind.GOLD: message("Below known answers"),
    SignKind.OTHERS: message("Disagrees with others"),
    SignKind.REPEATS: message("Disagrees with themselves"),
    SignKind.POSITION: message("Goes by the letters"),
    SignKind.SAMENESS: message("Says the same of all"),
    SignKind.SPEED: message("Much too fast"),
    SignKind.COPYING: message("Same answers as somebody else"),
}
COLUMNS = (
    "labeler_id",
    "labeler",
    "cohort",
    "simulated",
    "campaigns",
    "paused",
    "last_answer",
    "gold_tasks",
    "gold_score",
    "gold_ratings",
    "repeats",
    "self_agreement",
    "signs",
)
SCORES = ("answered_at", "campaign", "task", "purpose", "pairs", "agreed", "questions", "alike")


def rows_of_labelers(labelers: Iterable[Watched]) -> list[dict[str, Any]]:
    """`signs` by kind and level: `position:pause`."""
    return [
        {
            "labeler_id": each.labeler.id,
            "labeler": each.labeler.name,
            "cohort": each.labeler.cohort.value if each.labeler.cohort else None,
            "simulated": each.labeler.simulated,
            "campaigns": each.campaigns,
            "paused": each.paused,
            "last_answer": each.last.isoformat() if each.last else None,
            "gold_tasks": each.gold.tasks,
            "gold_score": each.gold.share,
            "gold_ratings": each.gold.share_alike,
            "repeats": each.repeats.tasks,
            "self_agreement": each.repeats.share,
            "signs": " ".join(f"{sign.kind.value}:{sign.level.value}" for sign in each.signs),
        }
        for each in labelers
    ]


def rows_of_scores(scores: Iterable[Scored]) -> list[dict[str, Any]]:
    return [
        {
            "answered_at": each.score.answered_at.isoformat(),
            "campaign": each.campaign.name,
            "task": each.task,
            "purpose": each.score.purpose.value,
            "pairs": each.score.pairs,
            "agreed": each.score.agreed,
            "questions": each.score.questions,
            "alike": each.score.alike,
        }
        for each in scores
    ]
