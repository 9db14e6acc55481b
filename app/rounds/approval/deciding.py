"""Verbs of approval: let samples become tasks, reject them, or sample again. Of what the page showed, nothing else."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.clock import now
from app.errors import DomainError, InvalidInput, message
from app.projects.models import Project
from app.rounds.approval.sampling import SAMPLED_IN
from app.rounds.models import ApprovalState, Round, RoundApproval, RoundRun, RoundState
from app.rounds.plan import Step
from app.rounds.service import RoundUnderWay, round_under_way
from app.runs.telling import wake_workers
from app.translation import gettext

LONGEST_REASON = 2_000


class NothingToApprove(DomainError):
    sentence = message("Round {number} has no samples that wait for approval.")


class DecidedAlready(DomainError):
    sentence = message("These samples of round {number} are {state} already.")


class NotRejected(DomainError):
    sentence = message("Round {number} is {state}; only a round whose samples were rejected samples again.")


def approve_samples(session: Session, current: Round, asked: RoundApproval, by: User | None = None) -> None:
    """They become tasks at the next look at the round. Raises `DecidedAlready`, `NothingToApprove`."""
    _lock(session, current, asked)
    _decide(asked, ApprovalState.APPROVED, by)
    current.state = RoundState.RUNNING
    session.flush()
    wake_workers(session)


def reject_samples(session: Session, current: Round, asked: RoundApproval, reason: str, by: User | None = None) -> None:
    """The round stops. Raises `InvalidInput` without a reason, `DecidedAlready`, `NothingToApprove`."""
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise InvalidInput(reason=gettext("Say why the samples are rejected."))
    _lock(session, current, asked)
    asked.reason = reason
    _decide(asked, ApprovalState.REJECTED, by)
    current.state, current.finished_at = RoundState.REJECTED, now()
    session.flush()


def _decide(asked: RoundApproval, state: ApprovalState, by: User | None) -> None:
    asked.state, asked.decided_at, asked.decided_by_id = state, now(), by.id if by else None


def _lock(session: Session, current: Round, asked: RoundApproval) -> None:
    """Two people never decide one thing."""
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(current, with_for_update=True)
    session.refresh(asked, with_for_update=True)
    if asked.state is not ApprovalState.ASKED:
        raise DecidedAlready(number=current.number, state=asked.state)
    if current.state not in (RoundState.RUNNING, RoundState.WAITING):
        raise NothingToApprove(number=current.number)


def sample_again(session: Session, current: Round) -> None:
    """Other outputs for the same prompts, to be approved anew; the rejected runs stay, but apart from the round.

    Raises `NotRejected`, `RoundUnderWay`.
    """
    session.execute(select(Project.id).where(Project.id == current.project_id).with_for_update())
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(current, with_for_update=True)
    if current.state is not RoundState.REJECTED:
        raise NotRejected(number=current.number, state=current.state)
    if under_way := round_under_way(session, session.get_one(Project, current.project_id)):
        raise RoundUnderWay(number=under_way)
    for step in _rejected_steps(session, current):
        session.execute(
            delete(RoundRun).where(RoundRun.round_id == current.id, RoundRun.step.in_(SAMPLED_IN[Step(step)]))
        )
    current.state, current.finished_at = RoundState.RUNNING, None
    wake_workers(session)


def _rejected_steps(session: Session, current: Round) -> list[str]:
    """At which the runs that the round has now were rejected."""
    query = (
        select(RoundApproval.step)
        .join(RoundRun, RoundRun.run_id == RoundApproval.run_id)
        .where(RoundApproval.round_id == current.id, RoundApproval.state == ApprovalState.REJECTED)
    )
    return list(session.scalars(query))
