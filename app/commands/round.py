"""`rondo round`: start a round and see how it goes, without a browser."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from app.commands.round_report import report
from app.commands.round_samples import again, approve, reject, samples
from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from app.evaluation.win_rate import WinRate
from app.projects.queries import require_project
from app.rounds.dry_run.dry_run import DryRun, dry_run
from app.rounds.models import Round
from app.rounds.plan import RoundPlan
from app.rounds.queries import StepView, current_approvals, round_by_id, step_views
from app.rounds.report.win_rate import round_win_rate, win_rate_over_first_sft
from app.rounds.service import cancel_round, resume_round, start_round
from app.runs.models import Stage
from app.storage import storage
from app.translation import gettext
from trainer.presets import PRESETS

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.command()(report)
for command in (samples, approve, reject, again):
    app.command()(command)
Number = Annotated[int, typer.Argument(help="The round's number in its address, /rounds/NUMBER.")]


ProjectName = Annotated[str, typer.Argument(help="The project's name.")]
Preset = Annotated[str | None, typer.Option(help=f"Settings to begin with: {', '.join(PRESETS)}.")]
PlanFile = Annotated[
    Path | None, typer.Option(help="JSON of what differs: aim, start, checkpoint_id, rankings, people, settings, …")
]


@app.command()
def plan(
    project: ProjectName,
    preset: Preset = None,
    plan: PlanFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Say what a round would find, and start nothing. Ends with 1 where something is missing."""
    wanted = read_plan(preset, plan)
    with storage(settings()) as engine, transaction(engine) as session:
        found = dry_run(session, settings().files, require_project(session, project), wanted)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        print_dry_run(found)
    if not found.ready:
        raise typer.Exit(1)


def print_dry_run(found: DryRun) -> None:
    table = Table("", "What was found", "What to do")
    for finding in found.findings:
        table.add_row(finding.verdict.value, finding.says, finding.todo)
    Console().print(table)
    for line in found.estimates:
        took = "not known yet" if line.seconds is None else f"{line.seconds / 60:.1f} minutes"
        typer.echo(f"{line.step.value.replace('_', ' ')}: {took}")


@app.command()
def start(
    project: ProjectName,
    preset: Preset = None,
    plan: PlanFile = None,
    anyway: Annotated[bool, typer.Option(help="Even where the dry run says that something is missing.")] = False,
) -> None:
    """Check the plan and start a round; a worker takes it from there."""
    wanted = read_plan(preset, plan)
    with storage(settings()) as engine, transaction(engine) as session:
        chosen = require_project(session, project)
        found = dry_run(session, settings().files, chosen, wanted)
        if not found.ready and not anyway:
            print_dry_run(found)
            raise typer.Exit(1)
        started = start_round(session, chosen, wanted)
        typer.echo(f"Round {started.number} has started: rondo round status {started.id}")


def read_plan(preset: str | None, path: Path | None) -> RoundPlan:
    """The preset's settings under those of the file. Raises `InvalidInput`."""
    if preset is not None and preset not in PRESETS:
        raise InvalidInput(
            reason=gettext("There is no preset {preset}; there are: {presets}.").format(
                preset=preset, presets=", ".join(PRESETS)
            )
        )
    below = PRESETS[preset] if preset else {}
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path else {}
        own = RoundPlan.model_validate(given)
    except (OSError, ValueError, ValidationError) as error:
        raise InvalidInput(reason=gettext("The plan cannot be read: {error}").format(error=error)) from error
    stages = {stage: {**below.get(stage.value, {}), **own.stage_settings(stage)} for stage in Stage}
    settled = {stage: values for stage, values in stages.items() if values}
    return own.model_copy(update={"settings": settled, "preset": preset or own.preset})


@app.command()
def status(number: Number) -> None:
    """Each step with its state, progress and last numbers."""
    with storage(settings()) as engine:
        print_status(engine, number)


def print_status(engine: Engine, number: int) -> None:
    with transaction(engine) as session:
        found = round_by_id(session, number)
        Console().print(_table(found, step_views(session, found)))
        if found.error:
            typer.echo(found.error)
        for asked in current_approvals(session, found):
            typer.echo(f"{asked.step.replace('_', ' ')}: {asked.state.value}. {asked.reason or ''}".strip())
        print_win_rate("the policy before", round_win_rate(session, settings().files, found))
        print_win_rate("the first SFT model", win_rate_over_first_sft(session, settings().files, found))


def print_win_rate(other: str, found: WinRate | None) -> None:
    if found and found.low is not None and found.high is not None:
        typer.echo(
            f"The new policy wins {found.rate:.1%} of {found.verdicts} comparisons with {other} "
            f"(95 % interval {found.low:.1%} to {found.high:.1%})."
        )


def _table(found: Round, steps: list[StepView]) -> Table:
    table = Table("Step", "State", "Progress", "Last numbers", title=f"Round {found.number}: {found.state.value}")
    for view in steps:
        done = f"{view.run.progress:.0%}" if view.run else ""
        table.add_row(view.step.value.replace("_", " "), view.state, done, _numbers(view))
    return table


def _numbers(view: StepView) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in (view.metrics or {}).items())


@app.command()
def cancel(number: Number) -> None:
    """Stop what runs; what was made so far is kept."""
    with storage(settings()) as engine, transaction(engine) as session:
        cancel_round(session, round_by_id(session, number))


@app.command()
def resume(number: Number) -> None:
    """Go on after a failure or a cancel, from where it stopped."""
    with storage(settings()) as engine, transaction(engine) as session:
        resume_round(session, round_by_id(session, number))
