"""Reading files of rows line by line, and importing prompts.

A file is read twice: once to find every bad line before anything is written, once to write. So a file of any size
needs little memory, and one bad line leaves the database as it was.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TextIO, TypeVar

from sqlalchemy.orm import Session

from app.errors import DomainError, InvalidInput, message
from app.projects.models import Project
from app.prompts.constraints import checked_constraints
from app.prompts.messages import checked_messages
from app.prompts.models import Source, Split
from app.prompts.reports import LONGEST_WARNING
from app.prompts.service import NewPrompt, add_prompts
from trainer.records import BadRecord, Message, PromptRecord, parse_line

MOST_PROBLEMS = 100

Record = TypeVar("Record")


@dataclass(frozen=True)
class LineProblem:
    line: int
    reason: str


class ImportRefused(DomainError):
    """`problems` holds the first hundred bad lines; nothing was imported."""

    status = InvalidInput.status
    sentence = message("Nothing was imported. Line {line}: {reason} ({count} bad lines in all.)")

    def __init__(self, problems: list[LineProblem], count: int) -> None:
        self.problems = problems
        super().__init__(line=problems[0].line, reason=problems[0].reason, count=count)


class LeftOut(InvalidInput):
    """A line that is sound, and yet holds nothing that can be taken without guessing: told, while the rest comes in."""


@dataclass(frozen=True)
class Line(Generic[Record]):
    """`split` and the prompt's `use_case` only where the file says them."""

    number: int
    record: Record
    split: Split | None = None
    use_case: str | None = None


@dataclass(frozen=True)
class Format(Generic[Record]):
    """How a file's raw lines, numbered from 1, are cut and parsed; `parse` raises for a bad one."""

    cut: Callable[[TextIO], Iterator[tuple[int, Any]]]
    parse: Callable[[int, Any], Line[Record]]


def json_lines(file: TextIO) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(file, start=1) if line.strip())


def stated_split(line: str) -> Split | None:
    """The split as the line itself says it: the trainer's reader fills in `train` where it says none."""
    split = json.loads(line).get("split")
    return None if split is None else Split(split)


def prompt_of(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """As `checked_messages`; raises `InvalidInput`."""
    return checked_messages([vars(message) for message in messages])


@contextmanager
def as_text(file: BinaryIO) -> Iterator[TextIO]:
    """The file from its start; bytes that are not UTF-8 become lone surrogates, for the line's check to find."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


@dataclass
class Problems:
    """Counts every bad line and every one left out, and keeps the first hundred of each."""

    kept: list[LineProblem] = field(default_factory=list)
    count: int = 0
    left_out: list[LineProblem] = field(default_factory=list)
    left_out_count: int = 0

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        _keep(self.kept, line, reason)

    def leave_out(self, line: int, reason: str) -> None:
        self.left_out_count += 1
        _keep(self.left_out, line, reason)

    def refuse(self) -> None:
        if self.kept:
            raise ImportRefused(self.kept, self.count)


def _keep(problems: list[LineProblem], line: int, reason: str) -> None:
    if len(problems) < MOST_PROBLEMS:
        problems.append(LineProblem(line, reason.encode(errors="replace").decode()))


def good_lines(file: BinaryIO, format: Format[Record], problems: Problems) -> Iterator[Line[Record]]:
    with as_text(file) as text:
        for number, raw in format.cut(text):
            try:
                yield format.parse(number, raw)
            except BadRecord as error:
                problems.add(number, error.reason)
            except LeftOut as error:
                problems.leave_out(number, error.localized())
            except InvalidInput as error:
                problems.add(number, error.localized())


@dataclass(frozen=True)
class PromptsImported:
    added: int
    duplicates: int


def _parse_prompt(number: int, raw: str) -> Line[PromptRecord]:
    record = parse_line(PromptRecord, raw, "prompts", number)
    prompt_of(record.prompt)
    checked_constraints(list(record.constraints or ()))
    return Line(number, record, stated_split(raw))


def _details(record: PromptRecord) -> dict[str, Any]:
    return {"constraints": checked_constraints(list(record.constraints))} if record.constraints else {}


def _warning(record: PromptRecord) -> str | None:
    """A warning that says nothing is none."""
    return (record.content_warning or "").strip()[:LONGEST_WARNING] or None


PROMPTS = Format(cut=json_lines, parse=_parse_prompt)


def import_prompts(session: Session, project: Project, file: BinaryIO) -> PromptsImported:
    """Lines of `prompts.jsonl`. Raises `ImportRefused` with every bad line."""
    problems = Problems()
    total = sum(1 for _ in good_lines(file, PROMPTS, problems))
    problems.refuse()
    prompts = (
        NewPrompt(
            prompt_of(line.record.prompt),
            external_id=line.record.prompt_id,
            split=line.split,
            content_warning=_warning(line.record),
            details=_details(line.record),
        )
        for line in good_lines(file, PROMPTS, problems)
    )
    _, added = add_prompts(session, project, prompts, source=Source.IMPORTED)
    return PromptsImported(added=added, duplicates=total - added)
