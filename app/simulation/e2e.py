"""The E2E data of Novikova, Dušek and Rieser (2017): facts of a restaurant and what people wrote about it."""

import csv
from dataclasses import dataclass
from pathlib import Path

from app.simulation.facts import Facts, parse_facts

FACTS_COLUMN, TEXT_COLUMN = "mr", "ref"


@dataclass(frozen=True)
class Written:
    """What somebody wrote from some facts."""

    facts: Facts
    text: str


def read_e2e(folder: Path) -> list[Written]:
    """All pairs in the CSV files of a folder, in their order. ValueError where a file has no columns mr and ref."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise ValueError(f"No CSV files in {folder}")
    return [written for file in files for written in _read(file)]


def _read(file: Path) -> list[Written]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        missing = {FACTS_COLUMN, TEXT_COLUMN}.difference(name.lower() for name in rows.fieldnames or ())
        if missing:
            raise ValueError(f"{file} has no column {', '.join(sorted(missing))}")
        return [_written({name.lower(): value for name, value in row.items() if name}) for row in rows]


def _written(row: dict[str, str]) -> Written:
    return Written(parse_facts(row[FACTS_COLUMN]), row[TEXT_COLUMN].strip())
