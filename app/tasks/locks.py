"""Assignments that wait for whoever else changes them; one that a transaction holds already is not asked for again."""

from sqlalchemy.orm import Session, SessionTransaction

from app.tasks.models import Assignment

KEPT = "assignments locked"


def lock_assignment(session: Session, assignment: Assignment) -> None:
    """Wait until nobody else changes this assignment, and see it as it is now."""
    if assignment.id not in _held(session):
        session.refresh(assignment, with_for_update=True)
        remember_lock(session, assignment)


def remember_lock(session: Session, assignment: Assignment) -> None:
    """A query of this transaction has just read it FOR UPDATE."""
    _held(session).add(assignment.id)


def _held(session: Session) -> set[int]:
    """Their numbers. A savepoint begins with none, since what is locked within it is let go where it is undone."""
    now = session.get_nested_transaction() or session.get_transaction()
    held: tuple[SessionTransaction | None, set[int]] = session.info.get(KEPT, (None, set()))
    if held[0] is not now or now is None:
        held = session.info[KEPT] = (now, set())
    return held[1]
