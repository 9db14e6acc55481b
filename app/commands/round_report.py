"""`rondo round report`: what a round came to, as tables, as JSON, or as the file that its page offers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.commands.tables import print_tables
from app.config import settings
from app.db import transaction
from app.rounds.queries import round_by_id
from app.rounds.report.report import round_report
from app.storage import storage
from app.web.rounds.reports import standalone_report


def report(
    number: Annotated[int, typer.Argument(help="The round's number in its address, /rounds/NUMBER.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON with everything instead of tables.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the page into this file, with all that it needs.")] = None,
) -> None:
    """Data, agreement, reward model, reward against KL, win rates, flags and length, next to earlier rounds."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = round_by_id(session, number)
        if html is not None:
            html.write_text(standalone_report(session, found), encoding="utf-8")
            return
        made = round_report(session, found)
    if as_json:
        typer.echo(json.dumps(made.as_json(), indent=2, ensure_ascii=False))
    else:
        print_tables(made.tables)
