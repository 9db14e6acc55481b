"""What depends on a checkpoint's files, and how they are deleted: the row stays, so that lineage stays whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.checkpoints.files import is_ours
from app.checkpoints.models import Checkpoint
from app.checkpoints.queries import children
from app.checkpoints.upkeep import REMOVE_FILES
from app.clock import now
from app.completions.queries import Work, work_of
from app.errors import DomainError, message
from app.files.place import Files
from app.jobs import defer
from app.rounds.models import Round, RoundRun, RoundState
from app.runs.models import Run, RunInput, RunState

OVER = (RunState.FINISHED, RunState.FAILED, RunState.CANCELLED)
UNDER_WAY = (RoundState.RUNNING, RoundState.WAITING)


class CheckpointPinned(DomainError):
    sentence = message("{name} is pinned. Unpin it first if its files are really to be deleted.")


class NeededByRun(DomainError):
    sentence = message("Run {run} is {state} and reads {name}. Cancel it or wait until it ends.")


class NeededByRound(DomainError):
    sentence = message("Round {number} is under way and needs {name}. Cancel it or wait until it ends.")


class NoFilesHere(DomainError):
    sentence = message("{name} has no files in Rondo's own folder; what lies elsewhere is left alone.")


@dataclass(frozen=True)
class Dependants:
    """`runs` and `rounds` are those that still need it; `past` runs read it and could not be repeated without it."""

    runs: Sequence[Run]
    rounds: Sequence[Round]
    past: Sequence[Run]
    children: Sequence[Checkpoint]
    work: Work


def dependants_of(session: Session, checkpoint: Checkpoint) -> Dependants:
    reading = _runs_reading(session, checkpoint)
    return Dependants(
        runs=[run for run in reading if run.state not in OVER],
        rounds=_rounds_needing(session, checkpoint),
        past=[run for run in reading if run.state in OVER],
        children=children(session, checkpoint),
        work=work_of(session, checkpoint),
    )


def _runs_reading(session: Session, checkpoint: Checkpoint) -> Sequence[Run]:
    reads = select(RunInput.run_id).where(RunInput.checkpoint_id == checkpoint.id)
    return session.scalars(select(Run).where(Run.id.in_(reads)).order_by(Run.id)).all()


def _rounds_needing(session: Session, checkpoint: Checkpoint) -> Sequence[Round]:
    """Under way, and begun with it, or with a run that read or made it: a later step may ask for it again."""
    reads = select(RunInput.run_id).where(RunInput.checkpoint_id == checkpoint.id)
    made = select(Run.id).where(Run.produced_checkpoint_id == checkpoint.id)
    touched = select(RoundRun.round_id).where(or_(RoundRun.run_id.in_(reads), RoundRun.run_id.in_(made)))
    begun_with = Round.plan["checkpoint_id"].as_integer() == checkpoint.id
    sampled = or_(*(Round.plan[mixed].contains([checkpoint.id]) for mixed in ("others", "candidate_others")))
    needed = select(Round).where(Round.state.in_(UNDER_WAY), or_(Round.id.in_(touched), begun_with, sampled))
    return session.scalars(needed.order_by(Round.id)).all()


def refusal(files: Files, checkpoint: Checkpoint, found: Dependants) -> DomainError | None:
    """Why its files cannot be deleted now; None where they can."""
    if checkpoint.pinned:
        return CheckpointPinned(name=checkpoint.name)
    if not is_ours(files, checkpoint):
        return NoFilesHere(name=checkpoint.name)
    for run in found.runs:
        return NeededByRun(run=run.id, state=run.state, name=checkpoint.name)
    for needing in found.rounds:
        return NeededByRound(number=needing.number, name=checkpoint.name)
    return None


def delete_files(session: Session, files: Files, checkpoint: Checkpoint) -> None:
    """A job removes them once this is committed. Deleting twice is deleting once.

    Raises `CheckpointPinned`, `NoFilesHere`, `NeededByRun`, `NeededByRound`.
    """
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(checkpoint, with_for_update=True)  # whoever is about to read it waits, or we see what they queued
    refused = refusal(files, checkpoint, dependants_of(session, checkpoint))
    if refused:
        raise refused
    checkpoint.files_deleted_at = checkpoint.files_deleted_at or now()
    defer(session, REMOVE_FILES, location=checkpoint.location)
