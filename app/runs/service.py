"""Verbs of a run: queue it, claim it, keep it alive, end it.

A claim is numbered by `attempts` and signed by its worker, because the numbers begin anew when a failed run is tried
again. Whoever holds another claim has lost the run (its worker stalled and another took over) and every verb below
then raises `RunLost`, so that two workers never write one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.clock import now
from app.datasets.models import Dataset
from app.errors import DomainError, message
from app.projects.models import Project
from app.runs.models import Run, RunInput, RunMetric, RunState, Stage
from app.runs.settings import check_settings

STALLED_AFTER = timedelta(seconds=60)
MOST_ATTEMPTS = 3
NEW_RUN = "rondo_new_run"  # the channel that wakes idle workers


class RunLost(DomainError):
    sentence = message("Run {run} was taken over by another worker.")


class RunNotFailed(DomainError):
    sentence = message("Run {run} is {state}; only a failed or cancelled run can be tried again.")


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
    attempt: int
    stage: Stage
    worker: str


def enqueue_run(
    session: Session,
    project: Project,
    stage: Stage,
    settings: dict[str, Any],
    inputs: Sequence[Input] = (),
    created_by: User | None = None,
) -> Run:
    """Raises `InvalidSettings` before anything is queued."""
    check_settings(stage, settings, {each.setting for each in inputs})
    run = Run(
        project_id=project.id, stage=stage, settings=settings, created_by_id=created_by.id if created_by else None
    )
    session.add(run)
    session.flush()
    session.add_all(_input_row(run, each) for each in inputs)
    session.flush()
    wake_workers(session)
    return run


def _input_row(run: Run, given: Input) -> RunInput:
    if isinstance(given.source, Dataset):
        return RunInput(run_id=run.id, setting=given.setting, dataset_id=given.source.id)
    return RunInput(run_id=run.id, setting=given.setting, checkpoint_id=given.source.id)


def wake_workers(session: Session) -> None:
    session.execute(text(f"NOTIFY {NEW_RUN}"))


def claim_next_run(session: Session, worker: str) -> Claim | None:
    """The oldest queued run, or none. Two workers never get the same one."""
    oldest = (
        select(Run.id)
        .where(Run.state == RunState.QUEUED)
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
        )
        .returning(Run.id, Run.attempts, Run.stage)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return Claim(taken.id, taken.attempts, taken.stage, worker) if taken else None


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


def beat(session: Session, claim: Claim, progress: float) -> bool:
    """Keep the run alive and say how far it is; True when somebody asked to cancel it."""
    run = keep_alive(session, claim)
    run.progress = min(max(progress, 0.0), 1.0)
    return run.cancel_requested


def record_metrics(session: Session, claim: Claim, lines: Sequence[dict[str, Any]]) -> None:
    """Store lines of `metrics.jsonl`; a step that is written again (after a resume) replaces its older line."""
    if not lines:
        return
    rows = {line["step"]: {"run_id": claim.run_id, "step": line["step"], "values": line} for line in lines}
    statement = insert(RunMetric)
    replace = {"values": statement.excluded["values"]}
    session.execute(
        statement.on_conflict_do_update(index_elements=["run_id", "step"], set_=replace), list(rows.values())
    )


def finish_run(session: Session, claim: Claim, produced: Checkpoint | None) -> Run:
    run = held_run(session, claim)
    run.state = RunState.FINISHED
    run.progress = 1.0
    run.finished_at = now()
    run.produced_checkpoint_id = produced.id if produced else None
    return run


def fail_run(session: Session, claim: Claim, error: str, log_tail: str) -> Run:
    run = held_run(session, claim)
    run.state = RunState.FAILED
    run.error, run.log_tail = error, log_tail
    run.finished_at = now()
    return run


def end_cancelled_run(session: Session, claim: Claim) -> Run:
    run = held_run(session, claim)
    run.state = RunState.CANCELLED
    run.finished_at = now()
    return run


def give_run_back(session: Session, claim: Claim) -> None:
    """The worker is being stopped: the run goes on from its last checkpoint elsewhere, at no cost in attempts."""
    run = held_run(session, claim)
    run.state = RunState.QUEUED
    run.attempts -= 1
    run.worker = None
    wake_workers(session)


def request_cancel(session: Session, run: Run) -> None:
    """A queued run ends at once; a running one when its worker notices."""
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(run, with_for_update=True)
    if run.state is RunState.QUEUED:
        run.state, run.finished_at = RunState.CANCELLED, now()
    elif run.state is RunState.RUNNING:
        run.cancel_requested = True
    else:
        raise RunOver(run=run.id, state=run.state)


def retry_run(session: Session, run: Run) -> None:
    """Queue it again; the trainer goes on from the newest checkpoint in the run folder."""
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(run, with_for_update=True)
    if run.state not in (RunState.FAILED, RunState.CANCELLED):
        raise RunNotFailed(run=run.id, state=run.state)
    run.state = RunState.QUEUED
    run.attempts = 0
    run.cancel_requested = False
    run.error = run.log_tail = run.finished_at = run.worker = None
    wake_workers(session)


def recover_stalled_runs(session: Session) -> list[Run]:
    """Runs whose worker went silent: queued again, or failed when they have used up their attempts."""
    stalled = session.scalars(
        select(Run)
        .where(Run.state == RunState.RUNNING, Run.heartbeat_at < now() - STALLED_AFTER)
        .with_for_update(skip_locked=True)
    ).all()
    for run in stalled:
        if run.attempts < MOST_ATTEMPTS:
            run.state, run.worker = RunState.QUEUED, None
        else:
            run.state, run.finished_at = RunState.FAILED, now()
            run.error = f"The worker went silent {run.attempts} times. See the log in the run folder."
    if stalled:
        wake_workers(session)
    return list(stalled)
