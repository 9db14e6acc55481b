"""`advance_round` looks at the facts and does what is missing: safe to call twice, or after any crash."""

import logging

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.clock import now
from app.db import transaction
from app.files.place import Files
from app.files.store import StoreUnreachable
from app.projects.models import Project
from app.rounds.announcing import announce_state
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan, Step, steps_of
from app.rounds.steps import STEPS
from app.rounds.turn import Outcome, Turn

logger = logging.getLogger(__name__)

UNFINISHED = (RoundState.RUNNING, RoundState.WAITING)

STATE_AT = {
    Outcome.DONE: RoundState.FINISHED,
    Outcome.RUNNING: RoundState.RUNNING,
    Outcome.WAITING: RoundState.WAITING,
    Outcome.REJECTED: RoundState.REJECTED,
    Outcome.FAILED: RoundState.FAILED,
    Outcome.CANCELLED: RoundState.CANCELLED,
}


def advance_unfinished_rounds(engine: Engine, files: Files) -> None:
    """Each in a transaction of its own; one that another worker looks after right now is left to it."""
    with transaction(engine) as session:
        numbers = session.scalars(select(Round.id).where(Round.state.in_(UNFINISHED)).order_by(Round.id)).all()
    for number in numbers:
        with transaction(engine) as session:
            query = select(Round).where(Round.id == number, Round.state.in_(UNFINISHED))
            found = session.scalar(query.with_for_update(skip_locked=True))
            if found:
                advance_round(session, files, found)


def advance_round(session: Session, files: Files, current: Round) -> None:
    """Take every step that can be taken now; an error of a step is kept with the round, its half-done work undone."""
    turn = turn_of(session, files, current)
    outcome = Outcome.DONE
    for step in steps_of(turn.plan):
        outcome = _take(turn, step)
        if outcome is not Outcome.DONE:
            break
    before, current.state = current.state, STATE_AT[outcome]
    current.finished_at = None if current.state in UNFINISHED else now()
    if current.state is not before:
        announce_state(session, current)


def turn_of(session: Session, files: Files, current: Round) -> Turn:
    project = session.get_one(Project, current.project_id)
    return Turn(session, files, current, project, RoundPlan.model_validate(current.plan))


def _take(turn: Turn, step: Step) -> Outcome:
    try:
        with turn.session.begin_nested():
            outcome = STEPS[step](turn)
    except (OperationalError, StoreUnreachable):
        raise  # the database or the store is away: nothing is wrong with the round
    except Exception as error:
        logger.exception("Round %s failed at %s", turn.round.id, step.value)
        turn.round.error = f"{step.value.replace('_', ' ')}: {error}"
        return Outcome.FAILED
    if outcome is Outcome.FAILED:
        turn.round.error = f"{step.value.replace('_', ' ')}: {turn.the_run(step).error}"
    return outcome
