"""How fast do comparisons leave Rondo, and how much memory does its server take for it?

    python -m tests.benchmarks.export

An embedded database with 50,000 rankings of nine texts of about 600 characters each, `rondo serve` in one process, and
a researcher's download over a real socket: straight from the database as JSON lines and as Parquet, then the frozen
dataset as an archive. Filling the database and freezing count for nothing.

The last line is one JSON object: rows by second of the slowest way to JSON lines, and the most memory that the server
ever held (VmHWM), Parquet included.
"""

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import Engine

import app.tables  # noqa: F401  (models name each other's tables)
from app.accounts.models import Role
from app.accounts.service import create_user
from app.accounts.sessions import begin_session
from app.campaigns.models import Campaign
from app.config import Settings
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.projects.models import Project
from app.storage import storage
from tests.benchmarks.load.answering import answer_everything
from tests.benchmarks.load.downloaded import rows_in
from tests.benchmarks.load.filling import make_campaign
from tests.benchmarks.load.serving import Served, serving

OUTPUTS = 9
LABELERS = 50
PIECE = 1 << 18
MEGABYTE = 1e6


@dataclass(frozen=True)
class Filled:
    """What is downloaded, and the token of who may."""

    project: int
    dataset: int
    token: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=50_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rondo-export-") as home:
        settings = Settings(home=Path(home))
        with storage(settings) as engine:
            filled = fill(engine, settings, given.comparisons)
            with serving(settings, "--processes", "1", "--no-worker") as served:
                measure(served, filled, given.comparisons)


def fill(engine: Engine, settings: Settings, comparisons: int) -> Filled:
    with timed("filled"):
        number, _ = make_campaign(engine, LABELERS, comparisons, 1, OUTPUTS)
        answer_everything(engine, number)
    with timed("frozen"), transaction(engine) as session:
        project = session.get_one(Project, session.get_one(Campaign, number).project_id)
        kind = DatasetKind.COMPARISONS
        dataset = freeze_dataset(session, settings.files, project, "All", kind, DatasetFilter())
        assert dataset.rows == comparisons
        user = create_user(session, name="Ada", email="ada@load.example", role=Role.RESEARCHER)
        return Filled(project.id, dataset.id, begin_session(session, user))


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{what} in {time.monotonic() - started:.0f} s", flush=True)


def measure(served: Served, filled: Filled, comparisons: int) -> None:
    of_project = f"/exports/download?project={filled.project}"
    at_rest = peak_megabytes(served.process)
    ways = {
        "from the database, JSON lines": f"{of_project}&format=jsonl",
        "frozen, JSON lines in a zip": f"/datasets/{filled.dataset}/download?format=rondo",
        "from the database, Parquet": f"{of_project}&format=parquet",
        "frozen, Parquet in a zip": f"/datasets/{filled.dataset}/download?format=parquet",
    }
    print(f"{'the server before':<32} {at_rest:30.0f} MB at most", flush=True)
    rates = {}
    for name, path in ways.items():
        with tempfile.TemporaryFile() as file:
            seconds = download(served, filled.token, path, file)
            rates[name], size = comparisons / seconds, file.tell() / MEGABYTE
            check(name, file, comparisons)
        peak = peak_megabytes(served.process)
        print(f"{name:<32} {rates[name]:8,.0f} rows/s {size:6,.0f} MB sent {peak:6.0f} MB at most", flush=True)
    slowest = min(rate for name, rate in rates.items() if "JSON" in name)
    print(json.dumps({"rows_per_s": round(slowest), "peak_rss_mb": round(peak_megabytes(served.process), 1)}))


def download(served: Served, token: str, path: str, file: IO[bytes]) -> float:
    """Seconds from the request to the last byte, as a browser that takes compressed answers."""
    connection = http.client.HTTPConnection(served.host, served.port)
    started = time.monotonic()
    connection.request("GET", path, headers={"Cookie": f"rondo-session={token}", "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise SystemExit(f"{path} answered {answer.status}")
    while piece := answer.read(PIECE):
        file.write(piece)
    connection.close()
    return time.monotonic() - started


def check(name: str, file: IO[bytes], comparisons: int) -> None:
    """That everything came: the last thing to measure is a download that lost half."""
    file.seek(0)
    if (found := rows_in(file)) != comparisons:
        raise SystemExit(f"{name}: {found:,} rows instead of {comparisons:,}")


def peak_megabytes(process: int) -> float:
    """The most memory that the process ever held (proc(5): VmHWM, in units of 1,024 bytes)."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / MEGABYTE


if __name__ == "__main__":
    main()
