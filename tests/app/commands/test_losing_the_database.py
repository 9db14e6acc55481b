"""`rondo serve` on the embedded database when that is killed, or the process that owns it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, create_engine, select

from app.demo.site import free_port
from app.postgres import answering
from app.runs.models import Worker
from tests.benchmarks.load.serving import postmaster

PATIENCE = 240  # seconds, on a machine that is busy with other things
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")


@contextmanager
def served(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A `rondo serve` that answers, and where."""
    port = free_port("127.0.0.1", 0)
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--processes", "1", *options]
    environment = {**os.environ, "RONDO_HOME": str(home)}
    environment.pop("RONDO_DATABASE_URL", None)
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        soon(lambda: status(address) == 200, home)
        yield process, address
    finally:
        process.terminate()
        process.wait()


def status(address: str) -> int:
    """Of a page that reads the database; 0 where nobody is there."""
    try:
        return httpx.get(
            f"{address}/", cookies={"rondo-session": "of nobody"}, timeout=30, follow_redirects=True
        ).status_code
    except httpx.TransportError:
        return 0


def soon(true: Callable[[], object], home: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, (home / "serve.log").read_text()[-3000:]
        time.sleep(0.05)


def answers(address: str, home: Path) -> set[int]:
    """What is said until every process has its connections again: ten good answers in a row."""
    seen, good = set(), 0

    def steady() -> bool:
        nonlocal good
        said = status(address)
        seen.add(said)
        good = good + 1 if said == 200 else 0
        return good == 10

    soon(steady, home)
    return seen


def workers(home: Path) -> dict[str, float]:
    """When each worker last spoke."""
    server = answering(home / "postgres")
    assert server
    engine: Engine = create_engine(server.url())
    with engine.connect() as connection:
        found = connection.execute(select(Worker.name, Worker.heartbeat_at)).all()
    engine.dispose()
    return {name: seen.timestamp() for name, seen in found}


def test_a_killed_server_comes_back_under_the_pages_and_the_worker(tmp_path: Path) -> None:
    with served(tmp_path, "--worker") as (_, address):
        soon(lambda: workers(tmp_path), tmp_path)
        before, server = list(workers(tmp_path)), postmaster(tmp_path)
        os.kill(server, signal.SIGKILL)
        assert answers(address, tmp_path) <= {200, 503}
        back_at = time.time()
        soon(lambda: max(workers(tmp_path).values()) > back_at, tmp_path)
        assert list(workers(tmp_path)) == before  # it went on, no new one came
        assert postmaster(tmp_path) != server


def test_each_of_two_rondos_on_a_folder_survives_the_other(tmp_path: Path) -> None:
    with served(tmp_path, "--no-worker") as (first, _), served(tmp_path, "--no-worker") as (_, address):
        server = postmaster(tmp_path)
        first.kill()  # the server is its, and goes with it
        first.wait()
        soon(lambda: (tmp_path / "postgres" / "postmaster.pid").exists() and postmaster(tmp_path) != server, tmp_path)
        assert answers(address, tmp_path) <= {200, 503}
        server = postmaster(tmp_path)
        with served(tmp_path, "--no-worker") as (again, _):
            again.kill()
            again.wait()
            assert answers(address, tmp_path) == {200}
            assert postmaster(tmp_path) == server
