"""A folder that lives and dies with the transaction that made it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

FOLDERS = "folders of this transaction"


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
        event.listen(session, "after_soft_rollback", _rolled_back)
        event.listen(session, "after_transaction_end", _ended)
    session.info[FOLDERS].append((folder, list(_enclosing(session))))


def _rolled_back(session: Session, transaction: SessionTransaction) -> None:
    for folder, enclosing in session.info[FOLDERS]:
        if transaction in enclosing:
            shutil.rmtree(folder, ignore_errors=True)


def _ended(session: Session, transaction: SessionTransaction) -> None:
    """The outermost transaction ends once, well or not: from here on its folders stay as they are."""
    kept = [(folder, enclosing) for folder, enclosing in session.info[FOLDERS] if enclosing[-1] is not transaction]
    session.info[FOLDERS] = kept


def _enclosing(session: Session) -> Iterator[SessionTransaction]:
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        yield transaction
        transaction = transaction.parent
