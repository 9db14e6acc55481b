"""Campaigns that are done are noticed by a job: whoever answers last cannot know that nobody else is answering."""

from datetime import timedelta

from procrastinate import JobContext
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from app import jobs
from app.campaigns.models import Campaign, CampaignState
from app.clock import now
from app.db import transaction
from app.notifications.models import EventKind
from app.notifications.outbox import announce
from app.projects.models import Project
from app.tasks.models import CHECKS, Assignment, AssignmentState, Task

NOTICED_FOR = timedelta(hours=1)  # after it was closed: rounds close theirs within seconds


@jobs.periodic(cron="* * * * *")
@jobs.task(name="campaigns.announce_done", queueing_lock="campaigns.announce_done", pass_context=True)
def announce_done(context: JobContext, timestamp: int) -> None:
    del timestamp
    with transaction(jobs.engine_of(context)) as session:
        announce_done_campaigns(session)


def announce_done_campaigns(session: Session) -> None:
    """Once for so many tasks: one that got more and has them all answered is done anew."""
    for campaign, tasks in done_campaigns(session):
        project = session.get_one(Project, campaign.project_id)
        key, path = f"{campaign.id}/{tasks}", f"/campaigns/{campaign.id}"
        announce(session, EventKind.CAMPAIGN_DONE, project, key, path, campaign=campaign.name, tasks=tasks)


def done_campaigns(session: Session) -> list[tuple[Campaign, int]]:
    """Open ones, and those closed a short while ago, where no task waits or is on a desk; with their tasks counted."""
    lately = or_(Campaign.state == CampaignState.OPEN, Campaign.closed_at > now() - NOTICED_FOR)
    of_it = select(Task.id).where(Task.campaign_id == Campaign.id, Task.purpose.not_in(CHECKS))
    waiting = of_it.where(Task.remaining > 0, ~Task.set_aside)
    leased = of_it.join(Assignment, Assignment.task_id == Task.id).where(Assignment.state == AssignmentState.LEASED)
    done = select(Campaign.id).where(lately, ~Campaign.imported, ~exists(waiting), ~exists(leased))
    numbers = session.scalars(done).all()
    counted = (
        select(Campaign, func.count())
        .join(Task, Task.campaign_id == Campaign.id)
        .where(Campaign.id.in_(numbers), Task.purpose.not_in(CHECKS))
        .group_by(Campaign.id)
        .order_by(Campaign.id)
    )
    return [(campaign, tasks) for campaign, tasks in session.execute(counted)] if numbers else []
