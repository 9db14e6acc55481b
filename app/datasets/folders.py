"""Folders of datasets: one lives and dies with the transaction that made it; what a crash left is found later."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import event, select
from sqlalchemy.orm import Session, SessionTransaction

from app.clock import now
from app.datasets.models import Dataset

FOLDER = "datasets"
FOLDERS = "folders of this transaction"
FORGOTTEN_AFTER = timedelta(days=1)  # longer than any freezing takes


@contextmanager
def removed_on_rollback(session: Session, folder: Path) -> Iterator[None]:
    """Makes `folder`; removes it if the block fails, or later if the transaction or savepoint does."""
    folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _remove_later(session, folder)


def _remove_later(session: Session, folder: Path) -> None:
    if FOLDERS not in session.info:
        session.info[FOLDERS] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _undone)
        event.listen(session, "after_transaction_end", _ended)
    session.info[FOLDERS].append((folder, list(_enclosing(session))))


def _committed(session: Session) -> None:
    """Also called when a savepoint is released, which settles nothing yet."""
    if not session.in_nested_transaction():
        session.info[FOLDERS] = []


def _ended(session: Session, transaction: SessionTransaction) -> None:
    """A session that is closed without a commit says nothing of a rollback."""
    if transaction.parent is None:
        _undone(session, transaction)


def _undone(session: Session, transaction: SessionTransaction) -> None:
    undone = [folder for folder, enclosing in session.info[FOLDERS] if transaction in enclosing]
    for folder in undone:
        shutil.rmtree(folder, ignore_errors=True)
    session.info[FOLDERS] = [each for each in session.info[FOLDERS] if each[0] not in undone]


def _enclosing(session: Session) -> Iterator[SessionTransaction]:
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        yield transaction
        transaction = transaction.parent


def remove_forgotten_folders(session: Session, files: Path) -> list[Path]:
    """Those that a process killed while freezing left behind: no dataset has them, and they are a day old."""
    known = {files / location for location in session.scalars(select(Dataset.location))}
    before = (now() - FORGOTTEN_AFTER).timestamp()
    found = [path for path in (files / FOLDER).glob("*") if path not in known and path.stat().st_mtime < before]
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return found
