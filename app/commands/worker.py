"""`rondo worker`: takes runs from the queue, on this machine and against the database of the settings."""

import logging
import shlex
import shutil
import threading
from datetime import timedelta
from typing import Annotated

import typer

from app.config import settings
from app.errors import DomainError, message
from app.files.place import anchored
from app.storage import storage
from app.worker.machine import this_machine
from app.worker.working import Duty, stop_on_signals, work

app = typer.Typer(add_completion=False)


class LauncherMissing(DomainError):
    sentence = message("There is no program {program} here to launch runs with.")


@app.command()
def worker(
    label: Annotated[
        list[str] | None, typer.Option(help="Take runs too that ask for a worker of this label; any number of them.")
    ] = None,
    launch: Annotated[
        str, typer.Option(help="What starts the processes of a run, as 'torchrun --standalone --nproc-per-node 8'.")
    ] = "",
) -> None:
    """Take runs one after another, advance rounds and do small jobs, until Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    launcher = tuple(shlex.split(launch))
    if launcher and shutil.which(launcher[0]) is None:
        raise LauncherMissing(program=launcher[0])
    stopping = threading.Event()
    stop_on_signals(stopping)
    now = settings()
    with storage(now) as engine:
        machine = this_machine(label or ())
        typer.echo(f"Worker {machine.name} ({machine.device}) waits for runs.", err=True)
        lease = timedelta(seconds=now.stalled_after)
        work(Duty(engine, anchored(now.files), machine, launcher, lease), stopping)
