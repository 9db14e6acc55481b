"""Verbs of a round: start it, cancel it, go on after a failure."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import require_files
from app.clock import now
from app.errors import DomainError, InvalidInput, message
from app.projects.models import Project
from app.rounds.models import Round, RoundRun, RoundState
from app.rounds.plan import RoundPlan, stages_of
from app.runs.models import Run, RunState, Stage
from app.runs.service import request_cancel, retry_run
from app.runs.settings import check_settings
from app.runs.telling import wake_workers
from app.translation import gettext

# The settings that a round fills from its own datasets and checkpoints.
FILLED = {
    Stage.PRETRAIN: ("texts",),
    Stage.SFT: ("model", "demonstrations"),
    Stage.REWARD: ("model", "comparisons", "demonstrations"),
    Stage.PPO: ("model", "reward_model", "prompts"),
    Stage.ALIGN: ("model", "comparisons", "prompts", "reward_model"),
    Stage.SAMPLE: ("model", "prompts"),
}
STARTABLE = {
    "sft": {CheckpointKind.BASE, CheckpointKind.SFT, CheckpointKind.POLICY},
    "checkpoint": {CheckpointKind.SFT, CheckpointKind.POLICY},
}
SAMPLED = {CheckpointKind.SFT, CheckpointKind.POLICY}


class RoundUnderWay(DomainError):
    sentence = message("Round {number} of this project is still under way; cancel it or wait until it ends.")


class WrongStart(InvalidInput):
    """The checkpoint is not there, or of a kind that no round starts from."""


class WrongMix(InvalidInput):
    """A checkpoint whose samples were to be mixed in cannot be sampled."""


class RoundOver(DomainError):
    sentence = message("Round {number} is over.")


class RoundNotStopped(DomainError):
    sentence = message("Round {number} is {state}; only a failed or cancelled round can be resumed.")


class RunStillStopping(DomainError):
    sentence = message("Run {run} of round {number} has not stopped yet; try again in a moment.")


def start_round(session: Session, project: Project, plan: RoundPlan, created_by: User | None = None) -> Round:
    """Checks every setting before anything runs. Raises `InvalidSettings`, `InvalidInput`, `RoundUnderWay`."""
    check_plan(session, project, plan)
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    if under_way := round_under_way(session, project):
        raise RoundUnderWay(number=under_way)
    last = session.scalar(select(func.max(Round.number)).where(Round.project_id == project.id)) or 0
    started = Round(
        project_id=project.id,
        number=last + 1,
        plan=plan.model_dump(mode="json"),
        created_by_id=created_by.id if created_by else None,
    )
    session.add(started)
    session.flush()
    wake_workers(session)
    return started


def round_under_way(session: Session, project: Project) -> int | None:
    """Its number; a project has one at a time."""
    unfinished = [RoundState.RUNNING, RoundState.WAITING]
    return session.scalar(select(Round.number).where(Round.project_id == project.id, Round.state.in_(unfinished)))


def check_plan(session: Session, project: Project, plan: RoundPlan) -> None:
    """Raises `InvalidInput`, `InvalidSettings`, `WrongStart`, `WrongMix`, `FilesDeleted`."""
    unknown = sorted(stage.value for stage in plan.settings if stage not in FILLED)
    if unknown:
        raise InvalidInput(reason=gettext("A round has no stage {stage}.").format(stage=unknown[0]))
    for stage in stages_of(plan):
        check_settings(stage, plan.stage_settings(stage), FILLED[stage])
    check_checkpoints(session, project, plan)


def check_checkpoints(session: Session, project: Project, plan: RoundPlan) -> None:
    """Raises `WrongStart`, `WrongMix`, `FilesDeleted`."""
    if plan.checkpoint_id is not None:
        start = _checkpoint(session, project, plan.checkpoint_id, WrongStart)
        if start.kind not in STARTABLE[plan.start]:
            reason = gettext("A round cannot start from {name}: it is a {kind} checkpoint.")
            raise WrongStart(reason=reason.format(name=start.name, kind=start.kind))
    for number in dict.fromkeys([*plan.others, *plan.candidate_others]):
        other = _checkpoint(session, project, number, WrongMix)
        if other.kind not in SAMPLED:
            reason = gettext("{name} cannot be sampled: it is a {kind} checkpoint.")
            raise WrongMix(reason=reason.format(name=other.name, kind=other.kind))


def _checkpoint(session: Session, project: Project, number: int, error: type[InvalidInput]) -> Checkpoint:
    checkpoint = session.get(Checkpoint, number)
    if checkpoint is None or checkpoint.project_id != project.id:
        raise error(reason=gettext("This project has no checkpoint {number}.").format(number=number))
    require_files(session, checkpoint)
    return checkpoint


def cancel_round(session: Session, current: Round) -> None:
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(current, with_for_update=True)
    if current.state not in (RoundState.RUNNING, RoundState.WAITING, RoundState.REJECTED):
        raise RoundOver(number=current.number)
    for run in _runs_in(session, current, RunState.QUEUED, RunState.RUNNING, RunState.PAUSED):
        request_cancel(session, run)
    current.state, current.finished_at = RoundState.CANCELLED, now()


def resume_round(session: Session, current: Round) -> None:
    """Go on after a failure or a cancel, from where it stopped. Raises `RoundNotStopped`, `RunStillStopping`."""
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(current, with_for_update=True)
    if current.state not in (RoundState.FAILED, RoundState.CANCELLED):
        raise RoundNotStopped(number=current.number, state=current.state)
    for run in _runs_in(session, current, RunState.RUNNING):
        raise RunStillStopping(run=run.id, number=current.number)  # its cancelling would end the round once more
    for run in _runs_in(session, current, RunState.FAILED, RunState.CANCELLED):
        retry_run(session, run)
    current.state, current.error, current.finished_at = RoundState.RUNNING, None, None
    wake_workers(session)


def _runs_in(session: Session, current: Round, *states: RunState) -> list[Run]:
    query = select(Run).join(RoundRun, RoundRun.run_id == Run.id).where(RoundRun.round_id == current.id)
    return list(session.scalars(query.where(Run.state.in_(states))))
