"""`rondo projects`: the places that everything else is imported into."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from app.projects.forms import RatingForm
from app.projects.queries import projects as all_projects
from app.projects.ready_made import READY_MADE
from app.projects.service import create_project
from app.prompts.queries import counts_by_project
from app.storage import storage
from app.translation import gettext

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def projects() -> None:
    """Make a project, and list those there are."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is called, here and on every page.")],
    form: Annotated[str, typer.Option(help=f"Its rating form: {', '.join(READY_MADE)}.")] = "instruct_gpt",
    guidelines: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="What labelers read, in Markdown.")
    ] = None,
) -> None:
    """Make a project. Its form and guidelines can be changed on its page."""
    text = guidelines.read_text(encoding="utf-8") if guidelines else ""
    with storage(settings()) as engine, transaction(engine) as session:
        create_project(session, name, form=ready_made(form), guidelines=text)
    typer.echo(f"{name} is ready. Next: rondo import prompts FILE --project '{name}'")


@app.command("list")
def list_projects() -> None:
    """List the projects with how many prompts they hold."""
    table = Table("project", "prompts")
    with storage(settings()) as engine, transaction(engine) as session:
        prompts = counts_by_project(session)
        for project in all_projects(session):
            table.add_row(project.name, str(prompts.get(project.id, 0)))
    Console().print(table)


def ready_made(name: str) -> RatingForm:
    """Raises `InvalidInput`."""
    if name not in READY_MADE:
        raise InvalidInput(
            reason=gettext("There is no rating form {name}; there are: {forms}.").format(
                name=name, forms=", ".join(READY_MADE)
            )
        )
    return READY_MADE[name]
