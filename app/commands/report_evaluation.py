"""`rondo report evaluation`: policies and reward models, as tables in the terminal or as JSON."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Shown

from app.accounts.models import Cohort
from app.campaigns.queries import campaign as campaign_numbered
from app.checkpoints.service import named
from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from app.evaluation.choosing import Chosen
from app.evaluation.report import evaluation_tables
from app.evaluation.tables import Cell, Format, Table
from app.projects.queries import require_project
from app.storage import storage
from app.translation import gettext

NOT_ENOUGH = "–"


def evaluation(
    project: Annotated[str, typer.Argument(help="The project's name.")],
    campaign: Annotated[int | None, typer.Option(help="Of one campaign alone, by the number in its address.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The checkpoint to compare with; the oldest unless said.")
    ] = None,
    use_case: Annotated[str | None, typer.Option(help="Of one use case alone.")] = None,
    cohort: Annotated[Cohort | None, typer.Option(help="Of one cohort alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with everything instead of tables.")] = False,
) -> None:
    """Win rates, strengths, ratings and flags of policies, and reward models against people."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = require_project(session, project)
        compared_with = named(session, found, baseline) if baseline is not None else None
        if baseline is not None and compared_with is None:
            raise InvalidInput(reason=gettext("There is no checkpoint {name}.").format(name=baseline))
        chosen = Chosen(found, campaign_numbered(session, campaign) if campaign is not None else None, use_case, cohort)
        tables = evaluation_tables(session, chosen, compared_with.id if compared_with else None)
    if as_json:
        typer.echo(json.dumps({table.name: table.as_json() for table in tables}, indent=2, ensure_ascii=False))
    else:
        _print(tables)


def _print(tables: list[Table]) -> None:
    """Those that hold anything; what there is not enough to say is a dash."""
    for table in tables:
        if table.rows:
            Console().print(_shown(table))
            typer.echo(gettext(table.note) + "\n")


def _shown(table: Table) -> Shown:
    shown = Shown(title=gettext(table.title))
    for column in table.columns:
        shown.add_column(gettext(column.label), justify="left" if column.format is Format.TEXT else "right")
    for row in table.rows:
        shown.add_row(*(_cell(cell, column.format) for cell, column in zip(row, table.columns, strict=True)))
    return shown


def _cell(cell: Cell, format: Format) -> str:
    if cell is None:
        return NOT_ENOUGH
    if format is Format.SHARE:
        return f"{cell:.1%}"
    return f"{cell:.3g}" if format is Format.NUMBER else str(cell)
