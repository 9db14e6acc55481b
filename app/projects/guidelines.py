"""Guidelines acknowledged: nobody works by a version that they have not read, and a new one shows what changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.errors import NotFound
from app.projects.models import Guidelines, GuidelinesAcknowledgement


class Change(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    LEFT_OUT = "left_out"
    """Unchanged lines that are not shown; its text is empty."""


@dataclass(frozen=True)
class ChangedLine:
    change: Change
    text: str


CONTEXT = 2  # unchanged lines shown on each side of a change


def guidelines(session: Session, number: int) -> Guidelines:
    found = session.get(Guidelines, number)
    if found is None:
        raise NotFound(what="version of guidelines", number=number)
    return found


def those_with_text(session: Session, numbers: Iterable[int | None]) -> set[int]:
    """Of these versions, those that say anything."""
    wanted = [number for number in numbers if number is not None]
    return set(session.scalars(select(Guidelines.id).where(Guidelines.id.in_(wanted), Guidelines.text != "")))


def needs_acknowledging(session: Session, guidelines: Guidelines | None, reader: User) -> bool:
    """Whether there is something to read that `reader` has not acknowledged yet."""
    if guidelines is None or not guidelines.text.strip():
        return False
    return session.get(GuidelinesAcknowledgement, (guidelines.id, reader.id)) is None


def acknowledge(session: Session, guidelines: Guidelines, reader: User) -> None:
    """A second time changes nothing."""
    row = {"guidelines_id": guidelines.id, "user_id": reader.id}
    session.execute(insert(GuidelinesAcknowledgement).values(row).on_conflict_do_nothing())


def acknowledged_last(session: Session, guidelines: Guidelines, reader: User) -> Guidelines | None:
    """The other version of the same project's guidelines that `reader` acknowledged most recently."""
    query = (
        select(Guidelines)
        .join(GuidelinesAcknowledgement, GuidelinesAcknowledgement.guidelines_id == Guidelines.id)
        .where(GuidelinesAcknowledgement.user_id == reader.id)
        .where(Guidelines.project_id == guidelines.project_id, Guidelines.id != guidelines.id)
        .order_by(GuidelinesAcknowledgement.created_at.desc(), Guidelines.version.desc())
    )
    return session.scalar(query.limit(1))


def changed_lines(before: str, after: str) -> list[ChangedLine]:
    """The lines of `after` with those that went, changed places shown with the two lines around them; [] if equal."""
    old, new = before.splitlines(), after.splitlines()
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    if all(tag == "equal" for tag, *_ in blocks):
        return []
    lines: list[ChangedLine] = []
    for number, (tag, from_old, to_old, from_new, to_new) in enumerate(blocks):
        if tag == "equal":
            same = new[from_new:to_new]
            lines += _shortened(same, keep_first=number > 0, keep_last=number < len(blocks) - 1)
        else:
            lines += [ChangedLine(Change.REMOVED, line) for line in old[from_old:to_old]]
            lines += [ChangedLine(Change.ADDED, line) for line in new[from_new:to_new]]
    return lines


def _shortened(same: list[str], *, keep_first: bool, keep_last: bool) -> list[ChangedLine]:
    """Unchanged lines, those far from any change as one mark."""
    first = CONTEXT if keep_first else 0
    last = CONTEXT if keep_last else 0
    if len(same) <= first + last + 1:
        return [ChangedLine(Change.SAME, line) for line in same]
    head, tail = same[:first], same[len(same) - last :]
    return [
        *(ChangedLine(Change.SAME, line) for line in head),
        ChangedLine(Change.LEFT_OUT, ""),
        *(ChangedLine(Change.SAME, line) for line in tail),
    ]
