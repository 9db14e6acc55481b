"""`rondo serve` as it is run: several processes behind one door, which all end with the first."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import Engine

from app.demo.site import free_port
from app.web.balance import EVEN

PATIENCE = 60


@contextmanager
def _served(engine: Engine, port: int, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "app.cli", "serve", "--no-worker"]
    options = ["--port", str(port), "--processes", str(processes)]
    environment = {**os.environ, "RONDO_DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    environment["RONDO_DATABASE_URL"] = environment["RONDO_DATABASE_URL"].replace("+psycopg", "", 1)
    process = subprocess.Popen([*command, *options], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.TransportError:
        return False


def _helpers(process: int) -> list[int]:
    """Processes that `process` started, in any of its threads, and that became `rondo serve`."""
    children = Path(f"/proc/{process}/task").glob("*/children")
    numbers = [int(number) for path in children for number in path.read_text().split()]
    return [number for number in numbers if b"--beside" in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")]


def _soon(true: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.1)
    return bool(found)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_several_processes_serve_behind_one_door_and_end_together(fresh_database: Engine) -> None:
    port = free_port("127.0.0.1", 0)
    with _served(fresh_database, port, processes=2) as first:
        assert _soon(lambda: _answers(port))
        assert _soon(lambda: _helpers(first.pid))
        helper = _helpers(first.pid)[0]
        first.send_signal(signal.SIGSTOP)  # whoever answers now is the helper
        assert _soon(lambda: _answers(port))
        first.send_signal(signal.SIGCONT)
        first.terminate()
        assert first.wait(PATIENCE) == 0
    assert not Path(f"/proc/{helper}").exists()


def _kept(process: int, port: int) -> int:
    """Connections of browsers that a process keeps."""
    open_now = psutil.Process(process).net_connections("tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port for each in open_now)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_browsers_that_keep_their_connections_are_spread_evenly(fresh_database: Engine) -> None:
    port = free_port("127.0.0.1", 0)
    with _served(fresh_database, port, processes=2) as first, ExitStack() as stack:
        assert _soon(lambda: _answers(port))
        assert _soon(lambda: _helpers(first.pid))
        helper = _helpers(first.pid)[0]
        first.send_signal(signal.SIGSTOP)  # all come to the helper
        browsers = [stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}")) for _ in range(10)]
        assert _soon(lambda: _answers(port))
        for browser in browsers:
            browser.get("/health")
        assert _kept(first.pid, port) == 0
        first.send_signal(signal.SIGCONT)

        def even() -> bool:
            for browser in browsers:
                assert browser.get("/health").is_success
            kept = [_kept(helper, port), _kept(first.pid, port)]
            return sum(kept) == len(browsers) and max(kept) - min(kept) <= EVEN

        assert _soon(even)
