"""`rondo report labelers`: how labelers do on known answers and repeats, and what was noticed of them."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.accounts.models import Cohort
from app.campaigns.queries import campaign as campaign_numbered
from app.config import settings
from app.db import transaction
from app.projects.queries import require_project
from app.quality.agreement.scope import People
from app.quality.watching.queries import Chosen, Watched, watched_labelers
from app.quality.watching.rows import SIGNS, rows_of_labelers
from app.storage import storage


def labelers(
    project: Annotated[str, typer.Argument(help="The project's name.")],
    campaign: Annotated[int | None, typer.Option(help="A campaign's number.")] = None,
    cohort: Annotated[Cohort | None, typer.Option(help="Of one cohort alone.")] = None,
    people: Annotated[People, typer.Option(help="Whose work.")] = "both",
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON object.")] = False,
) -> None:
    """How labelers do on known answers and on repeated tasks, and what was noticed of them."""
    with storage(settings()) as engine, transaction(engine) as session:
        number = campaign_numbered(session, campaign).id if campaign is not None else None
        chosen = Chosen(require_project(session, project).id, number, cohort, people)
        found = watched_labelers(session, chosen)
        if as_json:
            typer.echo(json.dumps({"labelers": rows_of_labelers(found)}, ensure_ascii=False, indent=1))
        else:
            _print(found)


def _print(found: Sequence[Watched]) -> None:
    table = Table("labeler", "noticed", "paused", "known answers", "agreement", "repeats", "with oneself")
    for each in found:
        noticed = ", ".join(f"{SIGNS[sign.kind]} ({sign.level.value})" for sign in each.signs)
        gold, repeats = each.gold, each.repeats
        shares = [_percent(gold.share), str(repeats.tasks), _percent(repeats.share)]
        table.add_row(each.labeler.name, noticed, f"{each.paused} of {each.campaigns}", str(gold.tasks), *shares)
    Console().print(table)


def _percent(share: float | None) -> str:
    return f"{share:.1%}" if share is not None else "–"
