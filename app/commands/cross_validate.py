"""`rondo cross-validate`: a reward model before labelers whom it never learned from, without a browser."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.checkpoints.service import named
from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from app.evaluation.cross_validation.planning import Prospect, prospect, repeatable_models
from app.evaluation.cross_validation.queries import FoldView, cross_validation, fold_views
from app.evaluation.cross_validation.service import (
    cancel_cross_validation,
    resume_cross_validation,
    start_cross_validation,
)
from app.projects.models import Project
from app.projects.queries import require_project
from app.runs.models import Run
from app.storage import storage
from app.translation import gettext

app = typer.Typer(add_completion=False, no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Its number in its address, /evaluation/cross-validation/NUMBER.")]
ProjectName = Annotated[str, typer.Argument(help="The project's name.")]
Model = Annotated[str | None, typer.Option(help="The reward model; the newest that was trained here unless said.")]
Folds = Annotated[int, typer.Option(min=2, max=20, help="Groups of labelers.")]
Seed = Annotated[int, typer.Option(min=0, help="Another one deals the labelers otherwise.")]


@app.command()
def plan(
    project: ProjectName,
    model: Model = None,
    folds: Folds = 5,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Say who would be left out where, and start nothing. Ends with 1 where there is too little."""
    with storage(settings()) as engine, transaction(engine) as session:
        chosen = require_project(session, project)
        planned = prospect(session, chosen, _reward_model(session, chosen, model), folds, seed)
    if as_json:
        typer.echo(json.dumps(planned.as_dict(), ensure_ascii=False))
    else:
        Console().print(_planned(planned))
    if not planned.is_ready:
        raise typer.Exit(1)


@app.command()
def start(project: ProjectName, model: Model = None, folds: Folds = 5, seed: Seed = 0) -> None:
    """Deal the labelers; a worker freezes, trains and scores. `rondo report evaluation` shows what came out."""
    with storage(settings()) as engine, transaction(engine) as session:
        chosen = require_project(session, project)
        started = start_cross_validation(session, chosen, _reward_model(session, chosen, model), folds, seed)
        typer.echo(f"Cross-validation {started.id} has started: rondo cross-validate status {started.id}")


@app.command()
def status(number: Number) -> None:
    """Each fold: who is left out, and how far its runs are."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = cross_validation(session, number)
        Console().print(_table(f"Cross-validation {found.id}: {found.state.value}", fold_views(session, found)))
        if found.error:
            typer.echo(found.error)


@app.command()
def cancel(number: Number) -> None:
    """Stop what runs; what was made so far is kept."""
    with storage(settings()) as engine, transaction(engine) as session:
        cancel_cross_validation(session, cross_validation(session, number))


@app.command()
def resume(number: Number) -> None:
    """Go on after a failure or a cancel, from where it stopped."""
    with storage(settings()) as engine, transaction(engine) as session:
        resume_cross_validation(session, cross_validation(session, number))


def _reward_model(session: Session, project: Project, name: str | None) -> Checkpoint:
    """Raises `InvalidInput`."""
    if name is None:
        models = repeatable_models(session, project)
        if not models:
            raise InvalidInput(reason=gettext("There is no reward model to repeat."))
        return models[0]
    found = named(session, project, name)
    if found is None:
        raise InvalidInput(reason=gettext("There is no checkpoint {name}.").format(name=name))
    return found


def _planned(planned: Prospect) -> Table:
    title = f"{planned.reward_model.name}: {planned.runs} runs, {planned.judging} rankings judge"
    table = Table("Fold", "Labelers left out", "Rankings to learn from", "Rankings that judge", title=title)
    for fold in planned.folds:
        names = ", ".join(part.labeler.name for part in fold.parts)
        table.add_row(str(fold.number), names, str(fold.teaching), str(fold.judging))
    return table


def _table(title: str, folds: list[FoldView]) -> Table:
    table = Table("Fold", "Labelers left out", "Training", "Scoring", title=title)
    for fold in folds:
        names = ", ".join(user.name for user in fold.left_out)
        table.add_row(str(fold.number), names, _state(fold.training), _state(fold.scoring))
    return table


def _state(run: Run | None) -> str:
    return f"run {run.id}: {run.state.value} {run.progress:.0%}" if run else "not started"
