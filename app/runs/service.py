"""Verbs of a run: queue it, claim it, keep it alive, end it.

A claim is numbered by `attempts` and signed by its worker, because the numbers begin anew when a failed run is tried
again. Whoever holds another claim has lost the run (its worker stalled and another took over) and every verb below
then raises `RunLost`, so that two workers never write one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.checkpoints.service import require_files
from app.clock import now
from app.datasets.models import Dataset
from app.errors import DomainError, message
from app.notifications.models import EventKind
from app.notifications.outbox import announce
from app.projects.models import Project
from app.runs.models import Run, RunInput, RunState, Stage
from app.runs.needs import Capacity, Needs, fits, needs_of
from app.runs.settings import check_settings
from app.runs.telling import Kind, tell, tell_state, wake_workers

STALLED_AFTER = timedelta(seconds=60)
MOST_ATTEMPTS = 3


class RunLost(DomainError):
    sentence = message("Run {run} was taken over by another worker.")


class RunNotFailed(DomainError):
    sentence = message("Run {run} is {state}; only a failed or cancelled run can be tried again.")


class RunNotPausable(DomainError):
    sentence = message("Run {run} is {state}; only a queued or running run can be paused.")


class RunNotPaused(DomainError):
    sentence = message("Run {run} is {state}; only a paused run goes on.")


class RunTaken(DomainError):
    sentence = message("Run {run} is {state}; what it needs can be changed while no worker has it.")


class RunOver(DomainError):
    sentence = message("Run {run} is {state} already; there is nothing to cancel.")


@dataclass(frozen=True)
class Input:
    """A dataset or checkpoint, and the setting that its path fills."""

    setting: str
    source: Dataset | Checkpoint


@dataclass(frozen=True)
class Claim:
    run_id: int
    project_id: int
    attempt: int
    stage: Stage
    worker: str


class Wish(StrEnum):
    """What people asked of a run while it runs."""

    GO_ON = "go on"
    PAUSE = "pause"
    CANCEL = "cancel"


def enqueue_run(
    session: Session,
    project: Project,
    stage: Stage,
    settings: dict[str, Any],
    inputs: Sequence[Input] = (),
    created_by: User | None = None,
    needs: Needs = Needs(),  # noqa: B008  frozen
) -> Run:
    """Raises `InvalidSettings`, `FilesDeleted` before anything is queued."""
    check_settings(stage, settings, {each.setting for each in inputs})
    for each in inputs:
        if isinstance(each.source, Checkpoint):
            require_files(session, each.source)
    author = created_by.id if created_by else None
    run = Run(project_id=project.id, stage=stage, settings=settings, created_by_id=author)
    _write_needs(run, needs)
    session.add(run)
    session.flush()
    session.add_all(_input_row(run, each) for each in inputs)
    session.flush()
    wake_workers(session)
    tell_state(session, run)
    return run


def _write_needs(run: Run, asked: Needs) -> None:
    needs = needs_of(run.settings, asked)
    run.needs_gpu, run.needs_memory, run.needs_label = needs.gpu, needs.memory, needs.label


def change_needs(session: Session, run: Run, needs: Needs) -> None:
    """Raises `RunTaken` while a worker has it, and when it is finished."""
    _lock(session, run)
    if run.state in (RunState.RUNNING, RunState.FINISHED):
        raise RunTaken(run=run.id, state=run.state)
    _write_needs(run, needs)
    session.flush()
    wake_workers(session)


def _lock(session: Session, run: Run) -> None:
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(run, with_for_update=True)


def _input_row(run: Run, given: Input) -> RunInput:
    if isinstance(given.source, Dataset):
        return RunInput(run_id=run.id, setting=given.setting, dataset_id=given.source.id)
    return RunInput(run_id=run.id, setting=given.setting, checkpoint_id=given.source.id)


def claim_next_run(session: Session, worker: str, capacity: Capacity = Capacity()) -> Claim | None:  # noqa: B008
    """The oldest queued run that asks for no more than `capacity`, or none. Two workers never get the same one."""
    oldest = (
        select(Run.id)
        .where(Run.state == RunState.QUEUED, fits(capacity))
        .order_by(Run.created_at, Run.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = session.execute(
        update(Run)
        .where(Run.id == oldest)
        .values(
            state=RunState.RUNNING,
            worker=worker,
            heartbeat_at=now(),
            attempts=Run.attempts + 1,
            started_at=now(),
            finished_at=None,
            error=None,
            log_tail=None,
        )
        .returning(Run.id, Run.project_id, Run.attempts, Run.stage)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        return None
    tell(session, taken.id, taken.project_id, Kind.STATE)
    return Claim(taken.id, taken.project_id, taken.attempts, taken.stage, worker)


def held_run(session: Session, claim: Claim) -> Run:
    """The claimed run, locked, or `RunLost`."""
    run = session.scalar(
        select(Run).where(Run.id == claim.run_id).with_for_update().execution_options(populate_existing=True)
    )
    if run is None or (run.state, run.attempts, run.worker) != (RunState.RUNNING, claim.attempt, claim.worker):
        raise RunLost(run=claim.run_id)
    return run


def keep_alive(session: Session, claim: Claim) -> Run:
    """Say that the run's worker is there; raises `RunLost` where the run is no longer its own."""
    run = held_run(session, claim)
    run.heartbeat_at = now()
    return run


def beat(session: Session, claim: Claim, progress: float) -> Wish:
    """Keep the run alive and say how far it is; what people ask of it in turn."""
    run = keep_alive(session, claim)
    run.progress = min(max(progress, 0.0), 1.0)
    if run.cancel_requested:
        return Wish.CANCEL
    return Wish.PAUSE if run.pause_requested else Wish.GO_ON


def finish_run(session: Session, claim: Claim, produced: Checkpoint | None) -> Run:
    run = held_run(session, claim)
    run.progress = 1.0
    run.produced_checkpoint_id = produced.id if produced else None
    _end(session, run, RunState.FINISHED)
    return run


def fail_run(session: Session, claim: Claim, error: str, log_tail: str) -> Run:
    run = held_run(session, claim)
    run.error, run.log_tail = error, log_tail
    _end(session, run, RunState.FAILED)
    return run


def end_cancelled_run(session: Session, claim: Claim) -> Run:
    run = held_run(session, claim)
    _end(session, run, RunState.CANCELLED)
    return run


def give_run_back(session: Session, claim: Claim) -> None:
    """Its trainer was stopped, with a checkpoint: paused if somebody asked for that, else for another worker to take.

    At no cost in attempts.
    """
    run = held_run(session, claim)
    run.attempts -= 1
    _put_back(session, run)


def break_off(session: Session, claim: Claim, error: str, log_tail: str) -> Run:
    """The trainer was killed or its files went out of reach: tried again, unless tries in a row come no further."""
    run = held_run(session, claim)
    run.log_tail = log_tail
    _try_again_or_fail(session, run, error)
    return run


def recover_stalled_runs(session: Session, silent_for: timedelta = STALLED_AFTER) -> list[Run]:
    """Runs whose worker went silent: queued again, or failed when tries in a row came no further."""
    stalled = session.scalars(
        select(Run)
        .where(Run.state == RunState.RUNNING, Run.heartbeat_at < now() - silent_for)
        .with_for_update(skip_locked=True)
    ).all()
    for run in stalled:
        _try_again_or_fail(session, run, f"Its worker {run.worker} went silent.")
    return list(stalled)


def _try_again_or_fail(session: Session, run: Run, error: str) -> None:
    """A run is poisoned when `MOST_ATTEMPTS` tries in a row break off without coming further than those before."""
    run.fruitless = 1 if run.progress > run.reached else run.fruitless + 1
    run.reached = max(run.reached, run.progress)
    run.error = error
    if run.fruitless < MOST_ATTEMPTS:
        _put_back(session, run)
    else:
        run.error = f"{error} {run.fruitless} tries in a row came no further. See the log in the run folder."
        _end(session, run, RunState.FAILED)


def _put_back(session: Session, run: Run) -> None:
    """No worker has it any more; what was asked of it meanwhile is heeded now."""
    if run.cancel_requested:
        _end(session, run, RunState.CANCELLED)
        return
    run.state = RunState.PAUSED if run.pause_requested else RunState.QUEUED
    run.pause_requested = False
    run.worker = None
    wake_workers(session)
    tell_state(session, run)


def _end(session: Session, run: Run, state: RunState) -> None:
    run.state, run.finished_at = state, now()
    run.cancel_requested = run.pause_requested = False
    if state is RunState.FAILED:
        _announce_failure(session, run)
    tell_state(session, run)


def _announce_failure(session: Session, run: Run) -> None:
    """Tried again it may fail again, which is another fact."""
    project, key = session.get_one(Project, run.project_id), f"{run.id}/{run.finished_at}"
    facts = {"stage": run.stage.value, "error": run.error or ""}
    announce(session, EventKind.RUN_FAILED, project, key, f"/runs/{run.id}", run=run.id, **facts)


def request_cancel(session: Session, run: Run) -> None:
    """A running one ends when its worker notices; one that no worker has, at once."""
    _lock(session, run)
    if run.state in (RunState.QUEUED, RunState.PAUSED):
        _end(session, run, RunState.CANCELLED)
    elif run.state is RunState.RUNNING:
        run.cancel_requested = True
        tell_state(session, run)
    else:
        raise RunOver(run=run.id, state=run.state)


def request_pause(session: Session, run: Run) -> None:
    """A running one stops when its worker notices, with a checkpoint. Raises `RunNotPausable`."""
    _lock(session, run)
    if run.state is RunState.QUEUED:
        run.state = RunState.PAUSED
    elif run.state is RunState.RUNNING and not run.cancel_requested:
        run.pause_requested = True
    else:
        raise RunNotPausable(run=run.id, state=run.state)
    tell_state(session, run)


def resume_run(session: Session, run: Run) -> None:
    """A paused run goes on from its last checkpoint. Raises `RunNotPaused`."""
    _lock(session, run)
    if run.state is not RunState.PAUSED:
        raise RunNotPaused(run=run.id, state=run.state)
    run.state = RunState.QUEUED
    wake_workers(session)
    tell_state(session, run)


def retry_run(session: Session, run: Run) -> None:
    """Queue it again; the trainer goes on from the newest checkpoint in the run folder."""
    _lock(session, run)
    if run.state not in (RunState.FAILED, RunState.CANCELLED):
        raise RunNotFailed(run=run.id, state=run.state)
    run.state = RunState.QUEUED
    run.attempts = run.fruitless = 0
    run.reached = 0.0
    run.cancel_requested = run.pause_requested = False
    run.error = run.log_tail = run.finished_at = run.worker = None
    wake_workers(session)
    tell_state(session, run)
