"""The worker: claims runs one after another, advances rounds, and sees to stalled runs."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from app.db import transaction
from app.rounds.advancing import advance_unfinished_rounds
from app.runs.service import NEW_RUN, Claim, claim_next_run, recover_stalled_runs
from app.worker.execution import execute

LOOK_EVERY = 2.0  # seconds between looks at rounds and stalled runs


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def stop_on_signals(stopping: threading.Event) -> None:
    """SIGTERM and Ctrl-C end the worker after it has given its run back."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


def work(engine: Engine, files: Path, stopping: threading.Event) -> None:
    """Until `stopping` is set."""
    with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(False), autocommit=True) as ear:
        ear.execute(f"LISTEN {NEW_RUN}")
        while not stopping.is_set():
            look_after_rounds(engine, files)
            claim = _next_claim(engine)
            if claim:
                execute(engine, files, claim, stopping)
            else:
                _sleep_until_woken(ear, stopping)


def look_after_rounds(engine: Engine, files: Path) -> None:
    with transaction(engine) as session:
        recover_stalled_runs(session)
    advance_unfinished_rounds(engine, files)


def _next_claim(engine: Engine) -> Claim | None:
    with transaction(engine) as session:
        return claim_next_run(session, worker_name())


def _sleep_until_woken(ear: psycopg.Connection, stopping: threading.Event) -> None:
    until = time.monotonic() + LOOK_EVERY
    while not stopping.is_set() and time.monotonic() < until:
        for _ in ear.notifies(timeout=0.2, stop_after=1):
            return
