"""Folders of datasets: one lives and dies with the transaction that made it; what a crash left is found later."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, select
from sqlalchemy.orm import Session, SessionTransaction

from app.clock import now
from app.datasets.models import Dataset
from app.files.place import Files, changed_at, kept_in, remove

FOLDER = "datasets"
FOLDERS = "folders of this transaction"
FORGOTTEN_AFTER = timedelta(days=1)  # longer than any freezing takes


@contextmanager
def removed_on_rollback(session: Session, files: Files, location: str) -> Iterator[None]:
    """Removes the folder if the block fails, or later if the transaction or savepoint does."""
    try:
        yield
    except BaseException:
        remove(files, location)
        raise
    _remove_later(session, files, location)


def _remove_later(session: Session, files: Files, location: str) -> None:
    if FOLDERS not in session.info:
        session.info[FOLDERS] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _undone)
        event.listen(session, "after_transaction_end", _ended)
    session.info[FOLDERS].append((files, location, list(_enclosing(session))))


def _committed(session: Session) -> None:
    """Also called when a savepoint is released, which settles nothing yet."""
    if not session.in_nested_transaction():
        session.info[FOLDERS] = []


def _ended(session: Session, transaction: SessionTransaction) -> None:
    """A session that is closed without a commit says nothing of a rollback."""
    if transaction.parent is None:
        _undone(session, transaction)


def _undone(session: Session, transaction: SessionTransaction) -> None:
    undone = [each for each in session.info[FOLDERS] if transaction in each[-1]]
    for files, location, _ in undone:
        remove(files, location)
    session.info[FOLDERS] = [each for each in session.info[FOLDERS] if each not in undone]


def _enclosing(session: Session) -> Iterator[SessionTransaction]:
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        yield transaction
        transaction = transaction.parent


def remove_forgotten_folders(session: Session, files: Files) -> list[str]:
    """Those that a process killed while freezing left behind: no dataset has them, and they are a day old."""
    known = set(session.scalars(select(Dataset.location)))
    before = now() - FORGOTTEN_AFTER
    unknown = [location for location in kept_in(files, FOLDER) if location not in known]
    found = [location for location in unknown if changed_at(files, location) < before]
    for location in found:
        remove(files, location)
    return found
