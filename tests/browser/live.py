"""The whole application behind a socket, over a database of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from time import monotonic, sleep

import uvicorn
from sqlalchemy import Engine

from app.config import Settings
from app.main import create_app

START_SECONDS = 20


@contextmanager
def live(engine: Engine, settings: Settings | None = None) -> Iterator[str]:
    """Its address. The port is one that was free."""
    config = uvicorn.Config(create_app(settings or Settings(), engine), port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{_port(server)}"
    finally:
        server.should_exit = True
        thread.join()


def _port(server: uvicorn.Server) -> int:
    deadline = monotonic() + START_SECONDS
    while not server.started:
        assert monotonic() < deadline, "the server did not start"
        sleep(0.02)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
