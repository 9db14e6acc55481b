"""Locks of assignments: waited for, and asked for once in a transaction."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app.db import transaction
from app.tasks.locks import lock_assignment
from app.tasks.models import Assignment, AssignmentState
from app.tasks.queries import desk_of
from tests.factories import make_assignment, make_labeler


@contextmanager
def _locks(session: Session) -> Iterator[list[str]]:
    """What is asked for FOR UPDATE within the block."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        asked.extend([statement] if "FOR UPDATE" in statement else [])

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(connection, "before_cursor_execute", note)


def test_an_assignment_is_locked_once_in_a_transaction(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    with _locks(session) as asked:
        lock_assignment(session, assignment)
        lock_assignment(session, assignment)
    assert len(asked) == 1


def test_a_desk_to_change_is_locked_with_what_is_read(session: Session) -> None:
    labeler = make_labeler(session)
    assignment = make_assignment(session, labeler)
    with _locks(session) as asked:
        desk_of(session, labeler, assignment.id, locked=True)
        lock_assignment(session, assignment)
    assert len(asked) == 1


def test_what_a_savepoint_locked_is_locked_again_after_it(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    with _locks(session) as asked:
        savepoint = session.begin_nested()
        lock_assignment(session, assignment)
        savepoint.rollback()
        lock_assignment(session, assignment)
    assert len(asked) == 2


def test_a_desk_to_change_waits_for_whoever_changes_it_and_sees_what_they_did(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        number = make_assignment(session, labeler).id

    def state_then() -> AssignmentState:
        with transaction(fresh_database) as session:
            return desk_of(session, labeler, number, locked=True).assignment.state

    with ThreadPoolExecutor(1) as threads, transaction(fresh_database) as session:
        lock_assignment(session, assignment := session.get_one(Assignment, number))
        waiting = threads.submit(state_then)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        assignment.state = AssignmentState.SUBMITTED
        session.commit()
        assert waiting.result() is AssignmentState.SUBMITTED
