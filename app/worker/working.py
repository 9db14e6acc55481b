"""The worker: claims runs one after another, and beside that looks after rounds, stalled runs and small jobs."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

import app.automation.looking
import app.checkpoints.upkeep
import app.quality.watching.noticing
import app.tasks.finishing
import app.tasks.upkeep
import app.web.formatting  # noqa: F401  (they declare jobs)
from app.datasets.folders import remove_forgotten_folders
from app.db import transaction
from app.evaluation.cross_validation.advancing import advance_cross_validations
from app.files.place import Files
from app.jobs import run_worker
from app.rounds.advancing import advance_unfinished_rounds
from app.runs.service import STALLED_AFTER, Claim, claim_next_run, recover_stalled_runs
from app.runs.telling import NEW_RUN
from app.runs.workers import be_known, forget_the_silent, take_leave
from app.worker.execution import execute
from app.worker.machine import Machine, free_memory, load, trouble_with

LOOK_EVERY = 1.0  # seconds between looks at rounds, stalled runs and, where nothing woke us, the queue
SPEAK_EVERY = 5.0  # seconds between words to the page of workers
RETRY_AFTER = 5.0  # seconds, where the database does not answer

logger = logging.getLogger(__name__)


def stop_on_signals(stopping: threading.Event) -> None:
    """SIGTERM and Ctrl-C end the worker after it has given its run back."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


@dataclass(frozen=True)
class Duty:
    """What a worker is there for: see `app.worker.execution.execute` for `launcher` and `lease`."""

    engine: Engine
    files: Files
    machine: Machine
    launcher: tuple[str, ...] = ()
    lease: timedelta = STALLED_AFTER


def work(duty: Duty, stopping: threading.Event) -> None:
    """Until `stopping` is set. In the main thread: a trainer dies with the thread that started it."""
    engine, files = duty.engine, duty.files
    with kept_going("What crashes left is not removed", stopping), transaction(engine) as session:
        remove_forgotten_folders(session, files)
    with (
        beside("presence", stay_known, duty, stopping),
        beside("rounds", look_after_rounds, engine, files, stopping, duty.lease),
        beside("jobs", do_jobs, engine, stopping),
    ):
        while not stopping.is_set():
            try:
                _take_runs(duty, stopping)
            except (OperationalError, psycopg.OperationalError):
                logger.exception("The database does not answer; trying again in %s s", RETRY_AFTER)
                stopping.wait(RETRY_AFTER)


def stay_known(duty: Duty, stopping: threading.Event) -> None:
    """Say who works here and how it is, until `stopping` is set; then take leave."""
    while True:
        with kept_going("Nobody is told of this worker", stopping), transaction(duty.engine) as session:
            be_known(session, duty.machine.name, **facts_of(duty.machine, duty.files))
            forget_the_silent(session)
        if stopping.wait(SPEAK_EVERY):
            break
    with suppress(OperationalError), transaction(duty.engine) as session:
        take_leave(session, duty.machine.name)


def facts_of(machine: Machine, files: Files) -> dict[str, Any]:
    """The columns of `app.runs.models.Worker`."""
    capacity = machine.capacity
    return {
        "host": machine.host,
        "process": machine.process,
        "device": machine.device,
        "cores": machine.cores,
        "gpus": capacity.gpus,
        "memory": capacity.memory,
        "gpu_memory": capacity.gpu_memory or None,
        "labels": list(capacity.labels),
        "free_memory": free_memory(),
        "load": load(),
        "trouble": trouble_with(files),
    }


@contextmanager
def beside(name: str, do: Callable[..., None], *arguments: object) -> Iterator[None]:
    """A thread for the time of the block; it must heed the same `stopping` as the block."""
    thread = threading.Thread(target=do, args=arguments, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=10)


def _take_runs(duty: Duty, stopping: threading.Event) -> None:
    address = duty.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as ear:
        ear.execute(f"LISTEN {NEW_RUN}")
        while not stopping.is_set():
            claim = next_claim(duty)
            if claim:
                execute(duty.engine, duty.files, claim, stopping, duty.launcher, duty.lease)
            else:
                _sleep_until_woken(ear, stopping)


def next_claim(duty: Duty) -> Claim | None:
    """None where there is nothing that fits this machine, and while it could not be done here."""
    if trouble_with(duty.files):  # which the page of workers shows
        return None
    with transaction(duty.engine) as session:
        return claim_next_run(session, duty.machine.name, duty.machine.capacity)


def _sleep_until_woken(ear: psycopg.Connection, stopping: threading.Event) -> None:
    until = time.monotonic() + LOOK_EVERY
    while not stopping.is_set() and time.monotonic() < until:
        for _ in ear.notifies(timeout=0.2, stop_after=1):
            return


def look_after_rounds(
    engine: Engine, files: Files, stopping: threading.Event, lease: timedelta = STALLED_AFTER
) -> None:
    """Put stalled runs back into the queue, advance rounds and cross-validations, until `stopping` is set."""
    while not stopping.wait(LOOK_EVERY):
        with kept_going("Rounds are not looked after", stopping):
            with transaction(engine) as session:
                recover_stalled_runs(session, lease)
            advance_unfinished_rounds(engine, files)
        with kept_going("Cross-validations are not looked after", stopping):
            advance_cross_validations(engine, files)


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
