"""Tables in the terminal."""

from collections.abc import Iterable

import typer
from rich.console import Console
from rich.table import Table as Shown

from app.evaluation.tables import Cell, Format, Table
from app.translation import gettext

NOT_ENOUGH = "–"


def print_tables(tables: Iterable[Table]) -> None:
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
