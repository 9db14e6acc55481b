"""`rondo import`: prompts, demonstrations and comparisons from a file into a project."""  # noqa: N999 (a command is its module)

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from sqlalchemy.orm import Session

from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.config import settings
from app.db import transaction
from app.projects.models import Project
from app.projects.queries import require_project
from app.prompts.importing import ImportRefused, import_prompts
from app.storage import storage

app = typer.Typer(no_args_is_help=True, add_completion=False)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file to read.")]
InProject = Annotated[str, typer.Option("--project", help="The project's name.")]
SourceName = Annotated[str | None, typer.Option(help="Names the labelers; the file's name unless given.")]


@app.callback()
def imports() -> None:
    """Bring a file's prompts, demonstrations or comparisons into a project."""


@app.command()
def prompts(file: File, project: InProject) -> None:
    """Lines of prompts.jsonl."""
    _import(file, project, import_prompts)


@app.command()
def demonstrations(
    file: File,
    project: InProject,
    format: Annotated[str, typer.Option(help="rondo (demonstrations.jsonl) or e2e (CSV with mr and ref).")] = "rondo",
    source: SourceName = None,
) -> None:
    """Texts that people wrote for prompts."""
    _import(file, project, partial(import_demonstrations, source=source or file.stem, format_name=format))


@app.command()
def comparisons(
    file: File,
    project: InProject,
    format: Annotated[
        str,
        typer.Option(help="rondo (comparisons.jsonl), e2e-quality, wmt, pandalm, judgebench, fgrlhf or fgrlhf-pairs."),
    ] = "rondo",
    source: SourceName = None,
) -> None:
    """Rankings and ratings of outputs."""
    _import(file, project, partial(import_comparisons, source=source or file.stem, format_name=format))


def _import(path: Path, project_name: str, bring: Callable[[Session, Project, BinaryIO], Any]) -> None:
    with storage(settings()) as engine, path.open("rb") as file, _problems_shown(), transaction(engine) as session:
        summary = bring(session, require_project(session, project_name), file)
    counts = {name: value for name, value in asdict(summary).items() if name != "left_out_rows"}
    typer.echo(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in counts.items()))
    for row in getattr(summary, "left_out_rows", ()):
        typer.echo(f"left out, row {row.line}: {row.reason}", err=True)


@contextmanager
def _problems_shown() -> Iterator[None]:
    try:
        yield
    except ImportRefused as refused:
        for problem in refused.problems:
            typer.echo(f"line {problem.line}: {problem.reason}", err=True)
        raise
