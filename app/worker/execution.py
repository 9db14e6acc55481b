"""One claimed run, from its folder to its end: launch the trainer, follow it, hand signals on, store what came out."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from app.bound import bound_to_us
from app.db import transaction
from app.errors import DomainError
from app.runs.metrics import record_metrics
from app.runs.queries import run_by_id
from app.runs.results import register_results
from app.runs.service import (
    Claim,
    RunLost,
    Wish,
    beat,
    end_cancelled_run,
    fail_run,
    finish_run,
    give_run_back,
    keep_alive,
)
from app.worker.folders import MetricsFile, log_tail, read_status, write_run_folder
from trainer.records import BadRecord

LOOK_EVERY = 0.5  # seconds
BEAT_EVERY = 10.0  # seconds
PATIENCE = 60  # seconds that a trainer has to write its checkpoint after SIGTERM
EXPECTED = (DomainError, BadRecord, OSError, ValueError)  # of files and rows; anything else is a defect
STOPPED = 3  # the trainer's exit status after it heeded SIGTERM


@dataclass
class Trainer:
    """The subprocess. Metrics that it wrote are read once each."""

    process: subprocess.Popen[bytes]
    folder: Path
    metrics: MetricsFile

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def execute(engine: Engine, files: Path, claim: Claim, stopping: threading.Event) -> None:
    """Runs the claimed stage to its end. When `stopping` is set it is given back, to go on from its checkpoint."""
    with kept_alive(engine, claim):
        try:
            with transaction(engine) as session:
                folder = write_run_folder(session, run_by_id(session, claim.run_id), files)
        except EXPECTED as error:
            with transaction(engine) as session:
                fail_run(session, claim, f"The run folder could not be made: {error}", "")
            return
        _train(engine, files, claim, folder, stopping)


@contextmanager
def kept_alive(engine: Engine, claim: Claim) -> Iterator[None]:
    """Beats beside the block, however long it reads or stores large files without a word to the database."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(BEAT_EVERY):
            with suppress(RunLost, OperationalError), transaction(engine) as session:
                keep_alive(session, claim)

    thread = threading.Thread(target=keep, name=f"run {claim.run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _train(engine: Engine, files: Path, claim: Claim, folder: Path, stopping: threading.Event) -> None:
    trainer = launch(claim, folder)
    try:
        _follow_to_the_end(engine, files, claim, trainer, stopping)
    except RunLost:
        trainer.stop()
    finally:
        if trainer.process.poll() is None:
            trainer.process.kill()


def launch(claim: Claim, folder: Path) -> Trainer:
    (folder / "status.json").unlink(missing_ok=True)  # an older attempt's error is not this one's
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            bound_to_us([sys.executable, "-m", "trainer", claim.stage.value, folder]),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    return Trainer(process, folder, MetricsFile(folder))


def _follow_to_the_end(engine: Engine, files: Path, claim: Claim, trainer: Trainer, stopping: threading.Event) -> None:
    cancelled = False
    while not cancelled and not stopping.is_set() and trainer.process.poll() is None:
        cancelled = _look(engine, claim, trainer)
        _wait(trainer.process, stopping)
    if cancelled or (stopping.is_set() and trainer.process.poll() is None):
        trainer.stop()
    _look(engine, claim, trainer)
    _settle(engine, files, claim, trainer, cancelled)


def _wait(process: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    try:
        process.wait(0 if stopping.is_set() else LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return


def _look(engine: Engine, claim: Claim, trainer: Trainer) -> bool:
    """Store what is new; True when the run is to be cancelled."""
    lines = trainer.metrics.new_lines()
    with transaction(engine) as session:
        cancelled = beat(session, claim, read_status(trainer.folder).progress) is Wish.CANCEL
        record_metrics(session, claim, lines)
    return cancelled


def _settle(engine: Engine, files: Path, claim: Claim, trainer: Trainer, cancelled: bool) -> None:
    status = trainer.process.returncode
    if status == 0:
        _finish(engine, files, claim, trainer)
    elif cancelled:
        with transaction(engine) as session:
            end_cancelled_run(session, claim)
    elif status == STOPPED:
        with transaction(engine) as session:
            give_run_back(session, claim)
    else:
        error = read_status(trainer.folder).error or f"The trainer ended with status {status}; see the log."
        with transaction(engine) as session:
            fail_run(session, claim, error, log_tail(trainer.folder))


def _finish(engine: Engine, files: Path, claim: Claim, trainer: Trainer) -> None:
    try:
        with transaction(engine) as session:
            produced = register_results(session, run_by_id(session, claim.run_id), files)
            finish_run(session, claim, produced)
    except EXPECTED as error:
        with transaction(engine) as session:
            fail_run(session, claim, f"The results could not be stored: {error}", log_tail(trainer.folder))
