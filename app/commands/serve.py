"""`rondo serve`: the web application in this process, the worker in another one, the database below both."""

import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Event, Thread
from typing import Annotated

import typer
import uvicorn

from app.bound import bound_to_us
from app.commands.users import show_first_admin_link
from app.config import Settings, settings
from app.errors import DomainError, message
from app.main import create_app
from app.storage import storage
from app.web.addresses import served_address

GRACE = 30  # seconds for the worker to hand back what it runs
PAUSE = 5  # seconds before a worker that ended is replaced
LOOK_EVERY = 0.5

logger = logging.getLogger(__name__)

app = typer.Typer(add_completion=False)


class AddressNotFree(DomainError):
    sentence = message(
        "Rondo cannot listen on {host}, port {port}: {reason}. "
        "Choose with --host and --port, or RONDO_HOST and RONDO_PORT."
    )


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on [RONDO_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="The port, 0 for a free one [RONDO_PORT].")] = None,
    worker: Annotated[
        bool | None,
        typer.Option("--worker/--no-worker", help="Run a worker too. By default on the embedded database only."),
    ] = None,
) -> None:
    """Run the web application, and on the embedded database a worker beside it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # unwinds: worker, then database
    options = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    now = settings().model_copy(update=options)
    wanted = now.database_url is None if worker is None else worker
    with storage(now) as engine, listening(now) as door, worker_beside() if wanted else nullcontext():
        now = now.model_copy(update={"port": door.getsockname()[1]})
        show_first_admin_link(engine, now)
        config = uvicorn.Config(
            create_app(now, engine),
            host=now.host,
            port=now.port,
            proxy_headers=False,  # ours to read, with the addresses that the settings trust
            server_header=False,
            access_log=False,
        )
        typer.echo(f"Rondo is at {served_address(now, '')} (Ctrl+C ends it).", err=True)
        uvicorn.Server(config).run(sockets=[door])


def listening(wanted: Settings) -> socket.socket:
    """Port 0 becomes a free one, known before anything is printed. Raises `AddressNotFree`."""
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    try:
        return socket.create_server((wanted.host, wanted.port), family=family)
    except OSError as error:
        raise AddressNotFree(host=wanted.host, port=wanted.port, reason=error.strerror) from error


@contextmanager
def worker_beside() -> Iterator[None]:
    """A worker process, started again if it ends before we do; it never outlives us."""
    stopping = Event()
    keeper = Thread(target=_keep_a_worker, args=(stopping,))
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def _keep_a_worker(stopping: Event) -> None:
    """In a thread of its own, because the kernel ends the worker with the thread that started it."""
    while not stopping.is_set():
        worker = _start_worker()
        while worker.poll() is None and not stopping.wait(LOOK_EVERY):
            pass
        if stopping.is_set():
            _stop(worker)
        else:
            logger.error("The worker ended with code %s; a new one starts in %s seconds.", worker.returncode, PAUSE)
            stopping.wait(PAUSE)


def _start_worker() -> subprocess.Popen[bytes]:
    """In a group of its own: Ctrl-C reaches it through us."""
    command = [sys.executable, "-P", "-m", "app.cli", "worker"]  # -P: no other `app`, from the folder we are in
    return subprocess.Popen(bound_to_us(command), process_group=0)


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(GRACE)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
