"""`rondo runs`: what workers do and did, and how to stop it or try it again."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from app.config import settings
from app.db import transaction
from app.projects.queries import require_project
from app.runs.models import Run, RunState
from app.runs.queries import inputs_of, latest_metrics, produced_by, recent_runs, run_by_id
from app.runs.service import request_cancel, retry_run
from app.storage import storage

app = typer.Typer(add_completion=False, no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The run's number in its address, /runs/NUMBER.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@app.command("list")
def list_them(
    project: Annotated[str | None, typer.Option(help="Of one project alone, by its name.")] = None,
    state: Annotated[RunState | None, typer.Option(help="In one state alone.")] = None,
    at_most: Annotated[int, typer.Option(min=1, help="No more than so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Newest first."""
    with storage(settings()) as engine, transaction(engine) as session:
        chosen = require_project(session, project) if project is not None else None
        found = recent_runs(session, chosen, state, at_most)
    if as_json:
        typer.echo(json.dumps([_told(run) for run in found], indent=2))
    else:
        Console().print(_table(found))


def _table(found: Any) -> Table:
    table = Table("Number", "Stage", "State", "Progress", "Worker", "Started", "Ended", "Error")
    for run in found:
        moments = [f"{when:%Y-%m-%d %H:%M}" if when else "" for when in (run.started_at, run.finished_at)]
        told = [run.stage.value, run.state.value, f"{run.progress:.0%}", run.worker or "", *moments, run.error or ""]
        table.add_row(str(run.id), *map(escape, told))
    return table


def _told(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "stage": run.stage.value,
        "state": run.state.value,
        "progress": run.progress,
        "worker": run.worker,
        "attempts": run.attempts,
        "error": run.error,
        "created": run.created_at.isoformat(),
        "started": run.started_at.isoformat() if run.started_at else None,
        "finished": run.finished_at.isoformat() if run.finished_at else None,
    }


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """One run: inputs, settings, last numbers, and the end of its log where it failed."""
    with storage(settings()) as engine, transaction(engine) as session:
        told = _everything(session, run_by_id(session, number))
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _print(told)


def _everything(session: Session, run: Run) -> dict[str, Any]:
    made = produced_by(session, run)
    return _told(run) | {
        "inputs": [f"{each.setting} {each.source.name}" for each in inputs_of(session, run)],
        "settings": run.settings,
        "metrics": latest_metrics(session, run),
        "made": made.name if made else None,
        "log_tail": run.log_tail,
    }


def _print(told: dict[str, Any]) -> None:
    table = Table(show_header=False)
    for name, value in told.items():
        named = [f"{key} {each}" for key, each in value.items()] if isinstance(value, dict) else value
        said = ", ".join(named) if isinstance(named, list) else str(value)
        table.add_row(name.replace("_", " "), "" if value is None else escape(said))
    Console().print(table)


@app.command()
def cancel(number: Number) -> None:
    """A queued run ends at once, a running one as soon as it has written a checkpoint."""
    with storage(settings()) as engine, transaction(engine) as session:
        request_cancel(session, run_by_id(session, number))


@app.command()
def retry(number: Number) -> None:
    """Queue it again; it goes on from its last checkpoint."""
    with storage(settings()) as engine, transaction(engine) as session:
        retry_run(session, run_by_id(session, number))
