"""Verbs: say when rounds start by themselves, let them start again after failures, and start one."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.automation.deciding import Decision
from app.automation.models import AutomaticRound, Automation, Trigger
from app.automation.schedule import checked_zone, next_time
from app.clock import now
from app.errors import InvalidInput
from app.projects.models import Project
from app.rounds.models import Round
from app.rounds.service import start_round
from app.translation import gettext


@dataclass(frozen=True)
class Wanted:
    """`rankings`: from how many new ones on; `cron`: see `app.automation.schedule`. One of them, where rounds start."""

    starts: bool = False
    rankings: int | None = None
    cron: str | None = None
    zone: str = "UTC"
    copied: Round | None = None
    per_week: int = 2
    most_failures: int = 2


def save_automation(session: Session, project: Project, wanted: Wanted, by: User | None = None) -> Automation:
    """What was saved has been looked at, so failures are counted anew. Raises `InvalidInput`."""
    _check(project, wanted)
    automation = session.get(Automation, project.id, with_for_update=True)
    if automation is None:
        session.add(automation := Automation(project_id=project.id))
    is_same_schedule = (automation.cron, automation.zone) == (wanted.cron, wanted.zone)
    if not (is_same_schedule and automation.due_at):
        automation.due_at = next_time(wanted.cron, wanted.zone, now()) if wanted.cron else None
    automation.starts, automation.rankings = wanted.starts, wanted.rankings
    automation.cron, automation.zone = wanted.cron, wanted.zone
    automation.copied_round_id = wanted.copied.id if wanted.copied else None
    automation.per_week, automation.most_failures = wanted.per_week, wanted.most_failures
    automation.failures_since = now()
    automation.changed_by_id = by.id if by else None
    session.flush()
    return automation


def _check(project: Project, wanted: Wanted) -> None:
    checked_zone(wanted.zone)
    if wanted.copied and wanted.copied.project_id != project.id:
        raise InvalidInput(reason=gettext("The round to be copied is of another project."))
    if wanted.starts and wanted.copied is None:
        raise InvalidInput(reason=gettext("Choose the round whose settings are copied."))
    if wanted.starts and wanted.rankings is None and wanted.cron is None:
        raise InvalidInput(reason=gettext("Say from how many rankings on, or on which days, a round starts."))


def let_start_again(session: Session, automation: Automation) -> None:
    """Somebody has looked at the failures."""
    automation.failures_since = now()
    session.flush()


def start_automatic_round(session: Session, project: Project, automation: Automation, decision: Decision) -> Round:
    """The caller holds the automation's row. Raises what `start_round` does."""
    assert decision.plan is not None, "it was decided that one starts"
    assert decision.trigger is not None, "something called for it"
    author = session.get(User, automation.changed_by_id) if automation.changed_by_id else None
    started = start_round(session, project, decision.plan, author)
    session.add(_noted(started, decision.trigger, decision.rankings))
    pass_over(automation)
    session.flush()
    return started


def pass_over(automation: Automation) -> None:
    """Wait for the schedule's next time; times that were missed meanwhile are one."""
    if automation.cron is not None:
        automation.due_at = next_time(automation.cron, automation.zone, now())


def _noted(started: Round, trigger: Trigger, rankings: int) -> AutomaticRound:
    return AutomaticRound(round_id=started.id, project_id=started.project_id, trigger=trigger, new_rankings=rankings)
