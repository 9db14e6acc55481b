"""`rondo backup`."""

from pathlib import Path
from typing import Annotated

import typer

from app.backup import write_backup
from app.config import settings
from app.storage import database

app = typer.Typer(add_completion=False)


@app.command()
def backup(archive: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")]) -> None:
    """Write the database and all files to one archive. Rondo may be running meanwhile.

    Files in a store (RONDO_FILES=s3://…) stay there, and want a copy of their own.
    """
    with database(settings()) as engine:
        manifest = write_backup(engine, settings().files, archive)
    elsewhere = f" Not the files in {manifest.store}: keep a copy of that store too." if manifest.store else ""
    typer.echo(f"{archive}: the database and {len(manifest.files) - 1} files.{elsewhere}")
