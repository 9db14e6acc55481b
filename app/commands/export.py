"""`rondo export`: a frozen dataset as files, for our own tools or others'."""

from pathlib import Path
from typing import Annotated

import typer

from app.config import settings
from app.datasets.exporting import RONDO, exported, write_export
from app.datasets.queries import dataset_named
from app.db import transaction
from app.errors import InvalidInput
from app.storage import storage
from app.translation import gettext

app = typer.Typer(add_completion=False)


@app.command()
def export(
    dataset: Annotated[str, typer.Argument(help="Its name or number.")],
    out: Annotated[Path, typer.Option(help="A new or empty folder.")],
    format: Annotated[str, typer.Option(help="rondo, parquet, trl-sft, trl-reward or trl-dpo.")] = RONDO,
) -> None:
    """Write a dataset's rows into a folder: the frozen files as they are, or one file for each split."""
    with storage(settings()) as engine, transaction(engine) as session:
        found = dataset_named(session, dataset)
        if found is None:
            raise InvalidInput(reason=gettext("There is no dataset {dataset}.").format(dataset=dataset))
        for path in write_export(exported(settings().files, found, format), out):
            typer.echo(path)
