"""What the desk says beside the task: how far one is, and the way to what was sent last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.annotations.queries import standing
from app.tasks.leasing import open_lease
from app.tasks.models import AssignmentState
from app.tasks.queries import Desk

UNDO_OFFERED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class ShownProgress:
    """Tasks done and minutes at work, today and in this campaign."""

    done_today: int
    minutes_today: int
    done_here: int
    minutes_here: int


def guidance(session: Session, labeler: User, desk: Desk, midnight: datetime) -> dict[str, Any]:
    """For the desk's templates; `midnight` is the labeler's own."""
    now = standing(session, labeler, desk.campaign, midnight, clock.now() - UNDO_OFFERED_FOR)
    revising = desk.assignment.state is AssignmentState.SUBMITTED
    return {
        "progress": ShownProgress(now.today.done, now.today.minutes, now.here.done, now.here.minutes),
        "task_number": now.today.done + 1,
        "undo_url": None if revising else undo_url(now.last_assignment),
        "back_url": back_url(session, labeler) if revising else "/tasks",
    }


def undo_url(last_assignment: int | None) -> str | None:
    """Where the last submission is revised, offered on the desk of the task after it."""
    return f"/assignments/{last_assignment}?undo=1" if last_assignment else None


def back_url(session: Session, labeler: User) -> str:
    """From a revision to the task that was on the desk."""
    begun = open_lease(session, labeler)
    return f"/assignments/{begun.id}" if begun else "/tasks"
