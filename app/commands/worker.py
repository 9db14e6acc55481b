"""`rondo worker`: takes runs from the queue, on this machine and against the database of the settings."""

import logging
import threading

import typer

from app.config import settings
from app.storage import storage
from app.worker.working import stop_on_signals, work, worker_name

app = typer.Typer(add_completion=False)


@app.command()
def worker() -> None:
    """Take runs one after another, advance rounds and do small jobs, until Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    stopping = threading.Event()
    stop_on_signals(stopping)
    with storage(settings()) as engine:
        typer.echo(f"Worker {worker_name()} waits for runs.", err=True)
        work(engine, settings().files, stopping)
