"""The job that looks every minute whether a round is to start by itself, and tells people what they have to know.

Several workers may look at once: whoever holds the project's row decides, the others pass it by.
"""

import logging

from procrastinate import JobContext
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import jobs
from app.automation.deciding import Decision, decide
from app.automation.models import Automation, Trigger
from app.automation.service import pass_over, start_automatic_round
from app.config import settings
from app.db import transaction
from app.files.place import Files
from app.notifications.models import EventKind
from app.notifications.outbox import announce
from app.projects.models import Project

logger = logging.getLogger(__name__)


@jobs.periodic(cron="* * * * *")
@jobs.task(name="automation.look", queueing_lock="automation.look", pass_context=True)
def look(context: JobContext, timestamp: int) -> None:
    del timestamp
    look_at_all(jobs.engine_of(context), settings().files)


def look_at_all(engine: Engine, files: Files) -> None:
    """Each in a transaction of its own; what goes wrong with one project keeps no other from its round."""
    with transaction(engine) as session:
        numbers = session.scalars(select(Automation.project_id).order_by(Automation.project_id)).all()
    for number in numbers:
        try:
            with transaction(engine) as session:
                look_at(session, files, number)
        except OperationalError:
            raise  # the database is away: the next look finds it again
        except Exception:
            logger.exception("Project %s was not looked at", number)


def look_at(session: Session, files: Files, number: int) -> None:
    held = select(Automation).where(Automation.project_id == number).with_for_update(skip_locked=True)
    automation = session.scalar(held)
    if automation is None:  # somebody else looks right now
        return
    project = session.get_one(Project, number)
    decision = decide(session, files, project, automation)
    if decision.starts:
        start_automatic_round(session, project, automation, decision)
    elif decision.is_idle:
        pass_over(automation)
    else:
        _tell(session, project, automation, decision)


def _tell(session: Session, project: Project, automation: Automation, decision: Decision) -> None:
    path = f"/projects/{project.id}/automation"
    if decision.failed:
        kind, key = EventKind.AUTOMATION_STOPPED, str(decision.failed[0].id)
        announce(session, kind, project, key, path, failures=len(decision.failed))
    if decision.trigger is Trigger.RANKINGS and (decision.failed or not automation.starts) and not project.archived:
        since = decision.frozen.id if decision.frozen else "start"
        kind, key = EventKind.DATA_WAITING, f"{project.id}/{since}"
        announce(session, kind, project, key, path, rankings=decision.rankings)
