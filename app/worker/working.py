"""The worker: claims runs one after another, and beside that looks after rounds, stalled runs and small jobs."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

import app.tasks.upkeep  # noqa: F401  declares a job
from app.datasets.folders import remove_forgotten_folders
from app.db import transaction
from app.jobs import run_worker
from app.rounds.advancing import advance_unfinished_rounds
from app.runs.service import Claim, claim_next_run, recover_stalled_runs
from app.runs.telling import NEW_RUN
from app.worker.execution import execute

LOOK_EVERY = 1.0  # seconds between looks at rounds, stalled runs and, where nothing woke us, the queue
RETRY_AFTER = 5.0  # seconds, where the database does not answer

logger = logging.getLogger(__name__)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def stop_on_signals(stopping: threading.Event) -> None:
    """SIGTERM and Ctrl-C end the worker after it has given its run back."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


def work(engine: Engine, files: Path, stopping: threading.Event) -> None:
    """Until `stopping` is set. In the main thread: a trainer dies with the thread that started it."""
    files = files.resolve()
    with kept_going("What crashes left is not removed", stopping), transaction(engine) as session:
        remove_forgotten_folders(session, files)
    with beside("rounds", look_after_rounds, engine, files, stopping), beside("jobs", do_jobs, engine, stopping):
        while not stopping.is_set():
            try:
                _take_runs(engine, files, stopping)
            except (OperationalError, psycopg.OperationalError):
                logger.exception("The database does not answer; trying again in %s s", RETRY_AFTER)
                stopping.wait(RETRY_AFTER)


@contextmanager
def beside(name: str, do: Callable[..., None], *arguments: object) -> Iterator[None]:
    """A thread for the time of the block; it must heed the same `stopping` as the block."""
    thread = threading.Thread(target=do, args=arguments, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=10)


def _take_runs(engine: Engine, files: Path, stopping: threading.Event) -> None:
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as ear:
        ear.execute(f"LISTEN {NEW_RUN}")
        while not stopping.is_set():
            claim = _next_claim(engine)
            if claim:
                execute(engine, files, claim, stopping)
            else:
                _sleep_until_woken(ear, stopping)


def _next_claim(engine: Engine) -> Claim | None:
    with transaction(engine) as session:
        return claim_next_run(session, worker_name())


def _sleep_until_woken(ear: psycopg.Connection, stopping: threading.Event) -> None:
    until = time.monotonic() + LOOK_EVERY
    while not stopping.is_set() and time.monotonic() < until:
        for _ in ear.notifies(timeout=0.2, stop_after=1):
            return


def look_after_rounds(engine: Engine, files: Path, stopping: threading.Event) -> None:
    """Put stalled runs back into the queue and advance rounds, until `stopping` is set."""
    while not stopping.wait(LOOK_EVERY):
        with kept_going("Rounds are not looked after", stopping):
            with transaction(engine) as session:
                recover_stalled_runs(session)
            advance_unfinished_rounds(engine, files)


def do_jobs(engine: Engine, stopping: threading.Event) -> None:
    """The small jobs, until `stopping` is set."""
    while not stopping.is_set():
        with kept_going("Small jobs are not done", stopping):
            run_worker(engine, stopping)


@contextmanager
def kept_going(what: str, stopping: threading.Event) -> Iterator[None]:
    """Whatever goes wrong is logged and tried again: a thread that died would leave a worker that only looks alive."""
    try:
        yield
    except Exception:
        logger.exception("%s; trying again in %s s", what, RETRY_AFTER)
        stopping.wait(RETRY_AFTER)
