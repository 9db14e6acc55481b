"""`rondo db`: the schema of the database, for servers that Rondo does not upgrade by itself."""

from typing import Annotated

import typer

from app import schema
from app.config import settings
from app.storage import database

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def db() -> None:
    """Upgrade, downgrade or show the schema of the database."""


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this Rondo."""
    with database(settings()) as engine:
        schema.upgrade(engine)
        typer.echo(f"The database is at {schema.current_revision(engine)}.")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="A revision, -1 for the one before, or base for none at all.")],
) -> None:
    """Take migrations back. What they had added is lost: make a backup before."""
    with database(settings()) as engine:
        schema.downgrade(engine, revision)
        typer.echo(f"The database is at {schema.current_revision(engine) or 'nothing'}.")


@app.command()
def current() -> None:
    """Show the database's revision and the one that this Rondo needs."""
    with database(settings()) as engine:
        typer.echo(f"{schema.current_revision(engine) or 'nothing'} (needed: {schema.head_revision()})")
