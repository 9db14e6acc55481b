"""What the labeler has typed so far, kept on the server. A version settles every race between tabs and with submit."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from app import clock
from app.errors import DomainError, message
from app.tasks.models import Assignment

Typed = Mapping[str, str | Sequence[str]]


class DraftIsOlder(DomainError):
    sentence = message("This task was saved or submitted in another window; reload the page to see what is there.")


def save_draft(session: Session, assignment: Assignment, version: int, typed: Typed) -> int:
    """Keep what is typed, if `version` is the last one saved; returns the new version. Raises `DraftIsOlder`."""
    saving = (
        update(Assignment)
        .where(Assignment.id == assignment.id, Assignment.draft_version == version)
        .values(draft=dict(typed), draft_version=version + 1, draft_saved_at=clock.now())
    )
    if session.scalar(saving.returning(Assignment.id)) is None:
        raise DraftIsOlder
    session.refresh(assignment)
    return assignment.draft_version


def discard_draft(session: Session, assignment: Assignment) -> None:
    """Once submitted; a draft still on its way is then older, so it cannot come back."""
    assignment.draft, assignment.draft_saved_at = None, None
    assignment.draft_version += 1
    session.flush()


def count_active_seconds(session: Session, assignment: Assignment, seconds: float) -> None:
    """The page counts active time from the start; what arrives late or twice never counts down."""
    session.execute(
        update(Assignment)
        .where(Assignment.id == assignment.id)
        .values(active_seconds=func.greatest(Assignment.active_seconds, seconds))
    )
    session.refresh(assignment, ["active_seconds"])
