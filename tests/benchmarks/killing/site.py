"""A site whose processes may be killed: web application, workers and the embedded database, each started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

import httpx
import psutil
from sqlalchemy.exc import DBAPIError

from app.demo.site import free_port
from app.runs.models import Run
from tests.benchmarks.load.serving import postmaster

LEASE = 8  # seconds of silence after which another worker takes a run
PATIENCE = 240  # seconds, on a machine that is busy with other things
HOST = "127.0.0.1"

Answer = TypeVar("Answer")


def patiently(ask: Callable[[], Answer]) -> Answer:
    """What the database answers, once it is there."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except DBAPIError:
            assert time.monotonic() < end, "the database does not come back"
            time.sleep(0.2)


@dataclass
class Site:
    """One home. Without `url` its processes share the embedded server, which is of one of them; all may be killed."""

    home: Path
    url: str | None = None
    port: int = field(default_factory=lambda: free_port(HOST, 0))
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    web: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start_worker(self) -> None:
        worker = self._start("worker")
        self.workers[worker.pid] = worker

    def start_web(self) -> None:
        self.web = self._start("serve", "--no-worker", "--processes", "2", "--host", HOST, "--port", str(self.port))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """As a service manager does; its log is in the home."""
        given = {"RONDO_HOME": str(self.home), "RONDO_STALLED_AFTER": str(LEASE), "OMP_NUM_THREADS": "1"}
        environment = {**os.environ, **given}
        environment.pop("RONDO_DATABASE_URL", None)
        if self.url:
            environment["RONDO_DATABASE_URL"] = self.url.replace("+psycopg", "", 1)
        with (self.home / f"{arguments[0]}.log").open("ab") as log:
            command = [sys.executable, "-P", "-m", "app.cli", *arguments]
            return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def await_web(self) -> None:
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < end, (self.home / "serve.log").read_text()[-3000:]
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/health", timeout=30).is_success
        except httpx.TransportError:
            return False

    def kill_worker(self, run: Run) -> bool:
        """The one that has the run; another takes its place."""
        process = int((run.worker or ":0").rpartition(":")[2].partition("-")[0])
        worker = self.workers.pop(process, None)
        if worker is None:
            return False
        worker.kill()
        worker.wait()
        self.start_worker()
        return True

    def kill_trainer(self, run: Run) -> bool:
        return any(_killed(number) for number in trainers_in(self.home / "files" / run.location))

    def kill_web(self, chance: Random) -> bool:
        """The first of its processes, which a service manager replaces, or one beside it, which the first replaces."""
        assert self.web
        beside = [each for each in psutil.Process(self.web.pid).children() if "serve" in each.cmdline()]
        if beside and chance.random() < 0.5:
            return _killed(chance.choice(beside).pid)
        self.web.kill()
        self.web.wait()
        self.start_web()
        return True

    def kill_database(self) -> bool:
        try:
            return _killed(postmaster(self.home))
        except (OSError, IndexError):  # it is just being brought back
            return False

    def end_workers(self) -> None:
        for worker in self.workers.values():
            worker.terminate()
        for worker in self.workers.values():
            worker.wait(PATIENCE)
        self.workers.clear()

    def end(self) -> None:
        self.end_workers()
        if self.web:
            self.web.terminate()
            self.web.wait(PATIENCE)


@contextmanager
def site(home: Path, url: str | None = None, workers: int = 0) -> Iterator[Site]:
    here = Site(home, url)
    try:
        for _ in range(workers):
            here.start_worker()
        yield here
    finally:
        here.end()


def _killed(number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
        return True
    return False


def trainers_in(folder: Path) -> list[int]:
    """The processes whose command line names the run's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(folder) in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found
