"""`rondo serve` as it is run, in processes of its own, and what its processes and the database's cost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.config import Settings
from app.demo.site import await_answer, free_port

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    host: str
    port: int
    process: int
    """The process number of `rondo serve`."""


@contextmanager
def serving(settings: Settings, *options: str) -> Iterator[Served]:
    """Its log is `serve.log` in the home."""
    port = free_port(settings.host, 0)
    command = [sys.executable, "-m", "app.cli", "serve", "--host", settings.host, "--port", str(port), *options]
    environment = {**os.environ, "RONDO_HOME": str(settings.home.resolve())}
    with (settings.home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        await_answer(process, f"http://{settings.host}:{port}", settings)
        yield Served(settings.host, port, process.pid)
    finally:
        process.terminate()
        process.wait()


def postmaster(home: Path) -> int:
    """The process number of the embedded server."""
    return int((home / "postgres" / "postmaster.pid").read_text().split()[0])


def cpu_seconds(root: int) -> float:
    """Processor time of a process and of all below it, those included that ended and were waited for."""
    stats = {number: stat for number in _running() if (stat := _stat(number))}
    below, found = {root}, {root}
    while below:
        below = {number for number, stat in stats.items() if int(stat[1]) in below} - found
        found |= below
    return sum(sum(map(int, stats[number][11:15])) for number in found if number in stats) / TICKS


def _running() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _stat(number: int) -> list[str]:
    """From the state on: state, parent, …; user, system, children's user and system time from place 11 (proc(5))."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # ended meanwhile
        return []
