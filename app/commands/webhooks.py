"""`rondo webhooks`: which addresses events are posted to, and whether they take any."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.config import settings
from app.db import transaction
from app.notifications.attempts import attempt, note, parcel_of
from app.notifications.queries import all_webhooks, webhook_numbered
from app.notifications.webhooks import new_test
from app.storage import storage

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def webhooks() -> None:
    """List webhooks, and try one."""


@app.command("list")
def list_webhooks() -> None:
    """List the webhooks of every project."""
    table = Table("number", "project", "address", "events", "state")
    with storage(settings()) as engine, transaction(engine) as session:
        for webhook, project in all_webhooks(session):
            state = "on" if webhook.active else "off"
            table.add_row(str(webhook.id), project.name, webhook.url, ", ".join(webhook.events), state)
    Console().print(table)


@app.command("test")
def try_webhook(number: Annotated[int, typer.Argument(help="As `rondo webhooks list` shows it.")]) -> None:
    """Send a test from here, at once; exits with 1 where it is not taken."""
    with storage(settings()) as engine:
        with transaction(engine) as session:
            delivery = new_test(session, webhook_numbered(session, number))
        with transaction(engine) as session:
            parcel = parcel_of(session, delivery.id)
        assert parcel is not None, "it was written a moment ago"
        result = attempt(settings(), parcel)
        with transaction(engine) as session:
            note(session, delivery.id, result, is_last=True)
    typer.echo(f"Taken: HTTP {result.status}" if result.error is None else f"Not taken: {result.error}")
    raise typer.Exit(0 if result.error is None else 1)
