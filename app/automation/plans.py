"""The plan of a round that starts by itself: an earlier round's, going on from the newest policy there is."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.errors import DomainError, message
from app.files.place import Files
from app.projects.models import Project
from app.rounds.advancing import turn_of
from app.rounds.models import Round, RoundState
from app.rounds.plan import DataPlan, RoundPlan, Step, steps_of
from app.rounds.queries import plan_of
from app.rounds.steps import new_policy


class NoPolicyYet(DomainError):
    sentence = message("No round of this project is finished, so there is no policy to go on from.")


def next_plan(session: Session, files: Files, project: Project, copied: Round) -> RoundPlan:
    """Raises `NoPolicyYet`.

    It learns from the rankings that are there by then, of every campaign and up to that day, since a round that
    collected its own would not learn from those that made it start. Fine-tuning alone begins where the copied round
    began: it has no policy to go on from.
    """
    plan = plan_of(copied)
    data = DataPlan(since=plan.comparisons.since)
    if plan.aim == "sft":
        demonstrations = DataPlan(since=plan.demonstrations.since)
        return plan.model_copy(update={"demonstrations": demonstrations})
    policy = newest_policy(session, files, project)
    changed = {"start": "checkpoint", "checkpoint_id": policy.id, "rankings": "existing", "comparisons": data}
    return RoundPlan.model_validate(plan.model_dump() | changed)


def newest_policy(session: Session, files: Files, project: Project) -> Checkpoint:
    """What the last finished round made, or began with where it made none. Raises `NoPolicyYet`."""
    finished = select(Round).where(Round.project_id == project.id, Round.state == RoundState.FINISHED)
    last = session.scalar(finished.order_by(Round.number.desc()).limit(1))
    if last is None:
        raise NoPolicyYet
    return new_policy(turn_of(session, files, last))


def learns_from_rankings(plan: RoundPlan) -> bool:
    return Step.COMPARISONS in steps_of(plan)
