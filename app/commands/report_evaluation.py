"""`rondo report evaluation`: policies and reward models, as tables in the terminal or as JSON."""

import json
from typing import Annotated

import typer

from app.accounts.models import Cohort
from app.campaigns.queries import campaign as campaign_numbered
from app.checkpoints.service import named
from app.commands.tables import print_tables
from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from app.evaluation.choosing import Chosen, excluded_in
from app.evaluation.report import evaluation_tables
from app.projects.queries import require_project
from app.storage import storage
from app.translation import gettext


def evaluation(
    project: Annotated[str, typer.Argument(help="The project's name.")],
    campaign: Annotated[int | None, typer.Option(help="Of one campaign alone, by the number in its address.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The checkpoint to compare with; the oldest unless said.")
    ] = None,
    use_case: Annotated[str | None, typer.Option(help="Of one use case alone.")] = None,
    cohort: Annotated[Cohort | None, typer.Option(help="Of one cohort alone.")] = None,
    excluded: Annotated[bool, typer.Option(help="Count what reviewers excluded or sent back too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with everything instead of tables.")] = False,
) -> None:
    """Win rates, strengths, ratings and flags of policies, and reward models against people."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = require_project(session, project)
        compared_with = named(session, found, baseline) if baseline is not None else None
        if baseline is not None and compared_with is None:
            raise InvalidInput(reason=gettext("There is no checkpoint {name}.").format(name=baseline))
        of_campaign = campaign_numbered(session, campaign) if campaign is not None else None
        chosen = Chosen(found, of_campaign, use_case, cohort, excluded=excluded)
        kept_out = excluded_in(session, chosen)
        tables = evaluation_tables(session, chosen, compared_with.id if compared_with else None)
    if as_json:
        whole = {**{table.name: table.as_json() for table in tables}, "excluded": kept_out}
        typer.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        if kept_out:
            typer.echo(f"{kept_out} judgements are kept out by reviewers; --excluded counts them")
        print_tables(tables)
