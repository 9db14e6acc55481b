"""One claimed run, from its folder to its end: launch the trainer, follow it, hand signals on, store what came out."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.bound import bound_to_us
from app.db import transaction
from app.errors import DomainError
from app.files.place import Files, here
from app.files.sending import Sending
from app.files.store import StoreUnreachable
from app.runs.models import Stage
from app.runs.queries import run_by_id
from app.runs.results import register_results
from app.runs.service import (
    STALLED_AFTER,
    Claim,
    RunLost,
    Wish,
    break_off,
    end_cancelled_run,
    fail_run,
    finish_run,
    give_run_back,
    keep_alive,
)
from app.worker.folders import Status, log_tail, read_status, write_run_folder
from app.worker.following import Follower, OutOfReach
from app.worker.machine import trouble_with
from app.worker.sending import Sender, begun, persistently, sent_meanwhile
from trainer.records import BadRecord

LOOK_EVERY = 0.2  # seconds
BEATS = 6  # before silence is taken for death
PATIENCE = 60  # seconds that a trainer has to write its checkpoint after SIGTERM
RETRY_AFTER = 1.0  # seconds, where the database does not answer at the end of a run
EXPECTED = (DomainError, BadRecord, OSError, ValueError)  # of files and rows; anything else is a defect
MAY_PASS = (OSError, StoreUnreachable)  # worth another try
STOPPED = 3  # the trainer's exit status after it heeded SIGTERM
IN_PROCESSES = (Stage.SFT, Stage.REWARD, Stage.PPO)  # the stages that several processes may share


@dataclass(frozen=True)
class Place:
    """Where and how a worker does a run."""

    engine: Engine
    files: Files
    launcher: tuple[str, ...]
    lease: timedelta


@dataclass
class Trainer:
    process: subprocess.Popen[bytes]
    folder: Path

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def execute(
    engine: Engine,
    files: Files,
    claim: Claim,
    stopping: threading.Event,
    launcher: Sequence[str] = (),
    lease: timedelta = STALLED_AFTER,
) -> None:
    """Runs the claimed stage to its end. When `stopping` is set it is given back, to go on from its checkpoint.

    `launcher`: the command that starts several processes, as `torchrun --standalone --nproc-per-node 8`; stages that
    run in one do without. `lease`: the silence after which other workers take the run.
    """
    place = Place(engine, files, tuple(launcher), lease)
    with kept_alive(place, claim):
        try:
            folder, sending = persistently(lambda: _folder_of(place, claim), stopping)
            trainer = launch(claim, folder, place.launcher)
        except EXPECTED as error:
            ending = break_off if isinstance(error, MAY_PASS) else fail_run
            with transaction(place.engine) as session:
                ending(session, claim, f"The run folder could not be made: {error}", "")
            return
        with sent_meanwhile(place.engine, claim, sending) as sender:
            _train(place, claim, trainer, sender, stopping)


def _folder_of(place: Place, claim: Claim) -> tuple[Path, Sending | None]:
    with transaction(place.engine) as session:
        run = run_by_id(session, claim.run_id)
        sending = begun(place.files, run.location)
        return write_run_folder(session, run, place.files), sending


@contextmanager
def kept_alive(place: Place, claim: Claim) -> Iterator[None]:
    """Beats beside the block, however long it reads or stores large files without a word to the database."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(place.lease.total_seconds() / BEATS):
            with suppress(RunLost, OperationalError), transaction(place.engine) as session:
                keep_alive(session, claim)

    thread = threading.Thread(target=keep, name=f"run {claim.run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _train(place: Place, claim: Claim, trainer: Trainer, sender: Sender | None, stopping: threading.Event) -> None:
    try:
        wish = _follow_to_the_end(place, claim, trainer, stopping)
        unsent = _send_the_rest(sender, stopping)
        _patiently(lambda: _settle(place, claim, trainer, wish, unsent), stopping)
    except RunLost:
        trainer.stop()
    finally:
        if trainer.process.poll() is None:
            trainer.process.kill()
            trainer.process.wait()
        end_leftovers(trainer.folder)


def end_leftovers(folder: Path) -> None:
    """Trainers that their launcher left behind on this machine when it was killed: they would write into the next try.

    The kernel ends with us what we start ourselves, but not what a launcher starts.
    """
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "trainer" in command and str(folder) in command:
            with suppress(psutil.Error):
                process.kill()


def launch(claim: Claim, folder: Path, launcher: Sequence[str] = ()) -> Trainer:
    end_leftovers(folder)
    (folder / "status.json").unlink(missing_ok=True)  # an older attempt's error is not this one's
    shared = launcher if claim.stage in IN_PROCESSES else ()
    program = [shutil.which(shared[0]) or shared[0], *shared[1:]] if shared else [sys.executable]
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            bound_to_us([*program, "-m", "trainer", claim.stage.value, folder]),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            process_group=0,  # out of reach of the terminal's Ctrl-C: we stop it in our order
        )
    return Trainer(process, folder)


def _follow_to_the_end(place: Place, claim: Claim, trainer: Trainer, stopping: threading.Event) -> Wish:
    """What was asked of the run, once its trainer has ended."""
    follower = Follower(place.engine, claim, trainer.folder, place.lease.total_seconds())
    wish = Wish.GO_ON
    try:
        while wish is Wish.GO_ON and not stopping.is_set() and trainer.process.poll() is None:
            wish = follower.look()
            _wait(trainer.process, stopping)
        if trainer.process.poll() is None:
            trainer.stop()
        _patiently(follower.say_the_rest, stopping)
    except OutOfReach:
        trainer.process.kill()  # by now another worker may be about to take the run
        trainer.process.wait()
    except OSError:
        trainer.stop()  # `_settle` says what is wrong with the folder
    return wish


def _wait(process: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    try:
        process.wait(0 if stopping.is_set() else LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return


def _patiently(say: Callable[[], None], stopping: threading.Event) -> None:
    """Until the database has heard it, or the worker is to stop: the trainer has ended, so nothing is at risk."""
    while True:
        try:
            say()
            return
        except OperationalError:
            if stopping.is_set():
                raise
            time.sleep(RETRY_AFTER)


def _send_the_rest(sender: Sender | None, stopping: threading.Event) -> str | None:
    """What the trainer wrote before it ended; else why it is on this machine alone."""
    if sender is None:
        return None
    unsent: list[str] = []

    def send() -> None:
        try:
            sender.finish(stopping)
        except (StoreUnreachable, OSError) as error:
            unsent.append(str(error))

    _patiently(send, stopping)
    return unsent[0] if unsent else None


def _settle(place: Place, claim: Claim, trainer: Trainer, wish: Wish, unsent: str | None) -> None:
    """`unsent`: why another machine could not read what this one has made."""
    status, said = trainer.process.returncode, _last_status(trainer.folder)
    with transaction(place.engine) as session:
        if status == 0 and unsent:
            break_off(session, claim, f"The results could not be stored: {unsent}", _last_words(trainer.folder))
        elif status == 0:
            _finish(session, place, claim, trainer)
        elif wish is Wish.CANCEL:
            end_cancelled_run(session, claim)
        elif wish is Wish.PAUSE or status == STOPPED or said.state == "stopped":  # launchers have a status of their own
            give_run_back(session, claim)
        elif said.error:
            trouble = trouble_with(here(place.files))  # torch does not say that a disk is full
            causes = filter(None, (trouble, said.error))
            fail_run(session, claim, " ".join(causes), _last_words(trainer.folder))
        else:
            break_off(session, claim, _cause_of_death(status, here(place.files)), _last_words(trainer.folder))


def _finish(session: Session, place: Place, claim: Claim, trainer: Trainer) -> None:
    try:
        with session.begin_nested():
            produced = register_results(session, run_by_id(session, claim.run_id), here(place.files))
            finish_run(session, claim, produced)
    except RunLost:
        raise
    except EXPECTED as error:
        ending = break_off if isinstance(error, MAY_PASS) else fail_run
        ending(session, claim, f"The results could not be stored: {error}", _last_words(trainer.folder))


def _cause_of_death(status: int, files: Path) -> str:
    """Of a trainer that ended without a word."""
    trouble = trouble_with(files)
    if trouble:
        return trouble
    if status < 0:
        return f"The trainer was killed ({signal.Signals(-status).name})."
    return f"The trainer ended with status {status} and did not say why."


def _last_status(folder: Path) -> Status:
    try:
        return read_status(folder)
    except OSError:
        return Status()


def _last_words(folder: Path) -> str:
    try:
        return log_tail(folder)
    except OSError:
        return ""
