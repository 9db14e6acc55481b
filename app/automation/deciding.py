"""Whether a round is to start by itself now: what calls for one, and what stands in its way."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.automation.models import Automation, Trigger
from app.automation.plans import learns_from_rankings, next_plan
from app.automation.queries import failures_in_a_row, last_frozen, new_rankings, people_of, started_lately
from app.clock import now
from app.datasets.models import Dataset
from app.errors import DomainError, message
from app.files.place import Files
from app.projects.models import Project
from app.rounds.dry_run.dry_run import dry_run
from app.rounds.models import Round
from app.rounds.plan import RoundPlan
from app.rounds.service import RoundUnderWay, round_under_way
from app.translation import gettext


class FailedTooOften(DomainError):
    sentence = message("{failures} rounds in a row failed. Look at them, then let rounds start again.")


class EnoughThisWeek(DomainError):
    sentence = message("{rounds} rounds have started by themselves within seven days, and no more are allowed.")


class NothingNew(DomainError):
    sentence = message("No ranking has come since the last round froze its own.")


class ProjectArchived(DomainError):
    sentence = message("The project is archived.")


@dataclass(frozen=True)
class Decision:
    """`trigger`: what calls for a round, if anything; `hindrances`: sentences. It starts where there are none.

    `failed`: rounds that failed in a row, where they were too many. `is_idle`: there is nothing new to learn from.
    """

    trigger: Trigger | None
    rankings: int
    frozen: Dataset | None
    hindrances: tuple[str, ...] = ()
    plan: RoundPlan | None = None
    failed: tuple[Round, ...] = ()
    is_idle: bool = False

    @property
    def starts(self) -> bool:
        return self.trigger is not None and self.plan is not None and not self.hindrances


def decide(session: Session, files: Files, project: Project, automation: Automation) -> Decision:
    """Costly only where something calls for a round and no limit holds it back: then it is planned and run dry."""
    frozen = last_frozen(session, project)
    rankings = new_rankings(session, project, people_of(session, automation), frozen)
    trigger = _trigger(automation, rankings)
    failed = failures_in_a_row(session, project, automation.failures_since)
    stopped = tuple(failed) if automation.starts and len(failed) >= automation.most_failures else ()
    if limits := tuple(_limits(session, project, automation, stopped)):
        return Decision(trigger, rankings, frozen, limits, failed=stopped)
    if trigger is None or not automation.starts:
        return Decision(trigger, rankings, frozen)
    try:
        copied = session.get_one(Round, automation.copied_round_id)
        plan = next_plan(session, files, project, copied)
    except DomainError as refused:
        return Decision(trigger, rankings, frozen, (refused.localized(),))
    if learns_from_rankings(plan) and not rankings:
        return Decision(trigger, rankings, frozen, (NothingNew().localized(),), plan, is_idle=True)
    return Decision(trigger, rankings, frozen, tuple(_missing(session, files, project, plan)), plan)


def _trigger(automation: Automation, rankings: int) -> Trigger | None:
    if automation.rankings is not None and rankings >= automation.rankings:
        return Trigger.RANKINGS
    if automation.due_at is not None and now() >= automation.due_at:
        return Trigger.SCHEDULE
    return None


def _limits(session: Session, project: Project, automation: Automation, stopped: tuple[Round, ...]) -> Iterator[str]:
    if project.archived:
        yield ProjectArchived().localized()
    if stopped:
        yield FailedTooOften(failures=len(stopped)).localized()
    if number := round_under_way(session, project):
        yield RoundUnderWay(number=number).localized()
    lately = started_lately(session, project)
    if lately >= automation.per_week:
        yield EnoughThisWeek(rounds=lately).localized()


def _missing(session: Session, files: Files, project: Project, plan: RoundPlan) -> list[str]:
    said = gettext("A dry run says: {finding}")
    return [said.format(finding=each.says) for each in dry_run(session, files, project, plan).missing]
