"""The running application that the demo is played on: a database, and `rondo serve` with its worker beside it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx

from app.config import Settings
from app.db import transaction
from app.demo.playing import DemoFailed, Place
from app.demo.setting_up import visitors_links
from app.storage import storage
from app.translation import gettext

PATIENCE = 60  # seconds for the application to answer


@contextmanager
def site(settings: Settings) -> Iterator[Place]:
    """A place to play at, on the port of the settings or a free one, for the time of the block."""
    port = free_port(settings.host, settings.port)
    base_url = f"http://{settings.host}:{port}"
    with storage(settings) as engine:
        with transaction(engine) as session:
            visitors_links(session, base_url)  # there is an admin now, so `serve` need not invite the first one
        with _served(settings, port, base_url):
            yield Place(engine, settings.files, base_url)


def free_port(host: str, wanted: int) -> int:
    """`wanted` if nobody listens there."""
    for port in (wanted, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed(reason=gettext("no port is free on {host}").format(host=host))


@contextmanager
def _served(settings: Settings, port: int, base_url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "app.cli", "serve", "--worker", "--host", settings.host, "--port", str(port)]
    environment = {**os.environ, "RONDO_HOME": str(settings.home.resolve())}
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        await_answer(process, base_url, settings)
        yield
    finally:
        process.terminate()
        process.wait()


def await_answer(process: subprocess.Popen[bytes], base_url: str, settings: Settings) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{base_url}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise DemoFailed(
        reason=gettext("the web application does not answer; see {log}").format(log=settings.home / "serve.log")
    )
