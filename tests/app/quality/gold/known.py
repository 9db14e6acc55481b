"""Tasks whose answers are known, and answers to them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.models import Annotation
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.quality.gold.answers import Known, make_known
from app.tasks.models import Assignment, Purpose, Task, TaskCompletion


def known_task(session: Session, campaign: Campaign, purpose: Purpose = Purpose.GOLD, **more: object) -> Task:
    """Made of a task that is handed out to nobody; the outputs are best in their own order."""
    task = session.scalars(
        select(Task).where(Task.campaign_id == campaign.id, Task.purpose == Purpose.REAL, Task.remaining > 0).limit(1)
    ).one()
    task.remaining = 0
    return make_known(session, task, Known(ranks_of(session, task), **more), None, purpose)  # type: ignore[arg-type]


def ranks_of(session: Session, task: Task) -> dict[int, int]:
    query = select(TaskCompletion.completion_id).where(TaskCompletion.task_id == task.id)
    return {number: rank for rank, number in enumerate(session.scalars(query.order_by(TaskCompletion.position)), 1)}


def answer(session: Session, assignment: Assignment, ranks: dict[int, int] | None = None) -> Annotation:
    """As the outputs stand in the task unless `ranks` by completion say otherwise."""
    ranks = ranks or ranks_of(session, session.get_one(Task, assignment.task_id))
    said = tuple(ranks[number] for number in assignment.shown_order)
    return submit_ranking(session, assignment, Judgement(said, ({"overall": 4},) * len(said)), Sent("once"))
