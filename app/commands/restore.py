"""`rondo restore`."""

from pathlib import Path
from typing import Annotated

import typer

from app.backup import restore_backup
from app.config import settings
from app.storage import database

app = typer.Typer(add_completion=False)


@app.command()
def restore(archive: Annotated[Path, typer.Argument(help="What rondo backup wrote.", exists=True)]) -> None:
    """Fill an empty Rondo from an archive: set RONDO_HOME to a new folder, or RONDO_DATABASE_URL to a new database."""
    with database(settings()) as engine:
        manifest = restore_backup(engine, settings().files, archive)
    typer.echo(
        f"Restored the database and {len(manifest.files) - 1} files as of {manifest.created:%Y-%m-%d %H:%M} UTC."
    )
