"""What the labeler has typed so far, kept on the server. A version settles every race between windows and with submit.

A draft also holds the name of the window that wrote it and that window's own count of changes. So an answer that was
lost on the way, or two requests that overtook each other, are no quarrel of a window with itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, and_, func, or_, update
from sqlalchemy.orm import Session

from app import clock
from app.errors import DomainError, message
from app.tasks.models import Assignment

WINDOW, STEP = "draft_window", "draft_step"

Typed = Mapping[str, str | Sequence[str]]


class DraftIsOlder(DomainError):
    sentence = message("This task was saved or submitted in another window; reload the page to see what is there.")


@dataclass(frozen=True)
class Window:
    """One loading of the page: the version it knows of, its random name, and how often something changed in it."""

    version: int
    name: str = ""
    step: int = 0

    def knows_latest(self, assignment: Assignment) -> bool:
        """True where nothing was saved, submitted or skipped anywhere else since."""
        return self.version == assignment.draft_version or self.wrote(assignment)

    def wrote(self, assignment: Assignment) -> bool:
        return bool(self.name) and (assignment.draft or {}).get(WINDOW) == self.name


def save_draft(session: Session, assignment: Assignment, window: Window, typed: Typed) -> int:
    """Keep what is typed; returns the draft's version. What `window` itself has overtaken is left out.

    Raises `DraftIsOlder` where somebody else saved since.
    """
    if _write(session, assignment, window, typed, _may_follow(window)):
        return assignment.draft_version
    session.refresh(assignment)
    if not window.wrote(assignment):
        raise DraftIsOlder
    return assignment.draft_version


def keep_beside(session: Session, assignment: Assignment, window: Window, typed: Typed) -> bool:
    """Keep what could not be submitted, unless that would overwrite another window's draft; False then."""
    return _write(session, assignment, window, typed, or_(_may_follow(window), Assignment.draft.is_(None)))


def _write(
    session: Session, assignment: Assignment, window: Window, typed: Typed, allowed: ColumnElement[bool]
) -> bool:
    draft = dict(typed) | {WINDOW: window.name, STEP: str(window.step)}
    saving = (
        update(Assignment)
        .where(Assignment.id == assignment.id, allowed)
        .values(draft=draft, draft_version=Assignment.draft_version + 1, draft_saved_at=clock.now())
    )
    saved = session.scalar(saving.returning(Assignment.id)) is not None
    if saved:
        session.refresh(assignment)
    return saved


def _may_follow(window: Window) -> ColumnElement[bool]:
    follows = Assignment.draft_version == window.version
    if not window.name:
        return follows
    own = Assignment.draft[WINDOW].astext == window.name
    return or_(follows, and_(own, Assignment.draft[STEP].astext.cast(Integer) <= window.step))


def end_draft(assignment: Assignment) -> None:
    """Whoever still writes to it knows less than is now stored, so what is on its way comes too late."""
    assignment.draft_version += 1
    if assignment.draft:
        assignment.draft = {**assignment.draft, WINDOW: ""}


def discard_draft(assignment: Assignment) -> None:
    """Once submitted; a draft still on its way is then older, so it cannot come back."""
    assignment.draft, assignment.draft_saved_at = None, None
    end_draft(assignment)


def count_active_seconds(session: Session, assignment: Assignment, seconds: float) -> None:
    """The page counts active time from the start; what arrives late or twice never counts down."""
    session.execute(
        update(Assignment)
        .where(Assignment.id == assignment.id)
        .values(active_seconds=func.greatest(Assignment.active_seconds, seconds))
    )
    session.refresh(assignment, ["active_seconds"])
