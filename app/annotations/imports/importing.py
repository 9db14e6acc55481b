"""Importing annotations: imported and live data are one.

A file becomes a closed campaign with tasks, submitted assignments of pseudonymous labelers, and annotations.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.imports.form import FormFinder
from app.annotations.imports.formats import COMPARISON_FORMATS, DEMONSTRATION_FORMATS
from app.annotations.imports.judgements import judgement_of
from app.annotations.imports.public_formats import PUBLIC_FORMATS
from app.annotations.imports.rows import ComparisonRows, DemonstrationRows
from app.annotations.imports.sources import ImportSource
from app.db import in_batches
from app.errors import InvalidInput
from app.projects.models import Project
from app.projects.queries import current_form
from app.prompts.importing import Format, Line, LineProblem, Problems, good_lines
from app.translation import gettext

BATCH = 1000


# So many new rows at once turn good plans into endless ones, until PostgreSQL looks at the tables by itself.
MANY = 1_000
TELL_THE_PLANNER = text(
    "ANALYZE prompts, completions, tasks, task_completions, assignments, annotations, annotated_outputs"
)


@dataclass(frozen=True)
class AnnotationsImported:
    """`prompts`, `completions` and `labelers` count the new ones; `settled_apart`: rankings in which equal texts
    had been ranked apart, and were given the mean of their ranks; `left_out`: rows that could not be taken without
    guessing, the first hundred of them with the reason."""

    added: int
    duplicates: int
    prompts: int
    completions: int
    labelers: int
    campaigns: tuple[int, ...]
    settled_apart: int = 0
    left_out: int = 0
    left_out_rows: tuple[LineProblem, ...] = ()


Chosen = TypeVar("Chosen")
Record = TypeVar("Record")


def import_demonstrations(
    session: Session,
    project: Project,
    file: BinaryIO,
    *,
    source: str,
    format_name: str = "rondo",
    by: User | None = None,
) -> AnnotationsImported:
    """`source` names the file and its labelers. Raises `ImportRefused` with every bad line."""
    format = _format(DEMONSTRATION_FORMATS, format_name)
    checked = _check(file, format, lambda _: None)
    form = current_form(session, project)
    rows = DemonstrationRows(session, project, ImportSource(source, form, by))
    for batch in in_batches(_lines(file, format), BATCH):
        rows.add(batch)
    return _summary(rows, checked)


def import_comparisons(
    session: Session,
    project: Project,
    file: BinaryIO,
    *,
    source: str,
    format_name: str = "rondo",
    by: User | None = None,
) -> AnnotationsImported:
    """Rankings, and ratings where K is 1. Raises `ImportRefused` with every bad line."""
    format = _format(COMPARISON_FORMATS | PUBLIC_FORMATS, format_name)
    finder = FormFinder(session, project, format.form or (format.read_form and format.read_form(file)))
    checked = _check(file, format, lambda line: finder.see(line.record))
    rows = ComparisonRows(session, project, ImportSource(source, finder.found(), by))
    for batch in in_batches(_lines(file, format), BATCH):
        rows.add([judgement_of(line) for line in batch])
    return _summary(rows, checked)


def _format(formats: dict[str, Chosen], name: str) -> Chosen:
    if name not in formats:
        raise InvalidInput(
            reason=gettext("There is no format {name}; there are {formats}.").format(
                name=name, formats=", ".join(formats)
            )
        )
    return formats[name]


def _check(file: BinaryIO, format: Format[Record], see: Callable[[Line[Record]], None]) -> Problems:
    problems = Problems()
    total = 0
    for line in good_lines(file, format, problems):
        total += 1
        try:
            see(line)
        except InvalidInput as error:
            problems.add(line.number, error.localized())
    problems.refuse()
    if not total:
        raise InvalidInput(reason=gettext("The file holds no rows."))
    return problems


def _lines(file: BinaryIO, format: Format[Record]) -> Iterator[Line[Record]]:
    return good_lines(file, format, Problems())


def _summary(rows: DemonstrationRows | ComparisonRows, checked: Problems) -> AnnotationsImported:
    rows.finish()
    if rows.added >= MANY:
        rows.session.execute(TELL_THE_PLANNER)
    return AnnotationsImported(
        added=rows.added,
        duplicates=rows.duplicates,
        prompts=rows.prompts,
        completions=rows.completions,
        labelers=rows.labelers.made,
        campaigns=rows.campaigns.numbers,
        settled_apart=rows.settled_apart,
        left_out=checked.left_out_count,
        left_out_rows=tuple(checked.left_out),
    )
