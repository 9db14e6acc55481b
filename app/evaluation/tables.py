"""Tables for a page, a terminal and a file alike: named columns, plain cells, None where there is not enough to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Cell = str | int | float | None


class Format(StrEnum):
    """How a cell is read; a share lies between 0 and 1."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    SHARE = "share"


@dataclass(frozen=True)
class Column:
    """`name` in files; `label`, a message, for people."""

    name: str
    label: str
    format: Format = Format.TEXT


@dataclass(frozen=True)
class Table:
    """`title` and `note` are messages."""

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]

    def as_json(self) -> list[dict[str, Any]]:
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]
