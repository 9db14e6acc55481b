"""`rondo serve`: the web application in this process, the worker in another one, the database below both."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated

import typer
import uvicorn

from app.commands.users import show_first_admin_link
from app.config import settings
from app.main import create_app
from app.storage import storage
from app.unprivileged import before_exec

GRACE = 30  # seconds for the worker to hand back what it runs

app = typer.Typer(add_completion=False)


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
    with storage(now) as engine, worker_beside() if wanted else nullcontext():
        show_first_admin_link(engine, now)
        uvicorn.run(
            create_app(now, engine),
            host=now.host,
            port=now.port,
            proxy_headers=False,  # ours to read, with the addresses that the settings trust
            server_header=False,
            access_log=False,
        )


@contextmanager
def worker_beside() -> Iterator[None]:
    """A process of its own, in its own group so that Ctrl-C reaches it through us; it never outlives us."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"], process_group=0, preexec_fn=before_exec(None)
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
