"""A dry run: everything that can be known of a plan before anything starts. Nothing is written, nothing is loaded."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.errors import DomainError
from app.files.place import Files
from app.projects.models import Project
from app.rounds.chosen_data import ChosenData, chosen_data
from app.rounds.dry_run.data import data_findings
from app.rounds.dry_run.estimates import Estimate, estimates, total_seconds
from app.rounds.dry_run.findings import Finding, Verdict, missing
from app.rounds.dry_run.machine import machine_findings
from app.rounds.dry_run.model import model_findings, starting_shape
from app.rounds.plan import RoundPlan, steps_of
from app.rounds.service import RoundUnderWay, check_plan, round_under_way
from app.translation import gettext


@dataclass(frozen=True)
class DryRun:
    plan: RoundPlan
    findings: list[Finding]
    data: ChosenData | None
    estimates: list[Estimate]

    @property
    def ready(self) -> bool:
        """Nothing is missing; warnings do not count."""
        return not self.missing

    @property
    def missing(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict is Verdict.MISSING]

    @property
    def seconds(self) -> float | None:
        """Of computing alone; how long people take is not known."""
        return total_seconds(self.estimates)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "steps": [step.value for step in steps_of(self.plan)],
            "findings": [finding.as_dict() for finding in self.findings],
            "data": asdict(self.data) if self.data else None,
            "estimates": [asdict(estimate) for estimate in self.estimates],
            "seconds": self.seconds,
        }


def dry_run(session: Session, files: Files, project: Project, plan: RoundPlan) -> DryRun:
    """Where the plan itself is wrong, that is the only finding."""
    try:
        check_plan(session, project, plan)
    except DomainError as refused:
        todo = gettext("Change the plan.")
        return DryRun(plan, [missing("plan", refused.localized(), todo)], None, [])
    data = chosen_data(session, project, plan)
    findings = [
        *_others_under_way(session, project),
        *data_findings(plan, data),
        *model_findings(session, files, project, plan),
        *machine_findings(session, files, plan, starting_shape(session, files, plan)),
    ]
    return DryRun(plan, findings, data, estimates(session, project, plan, data))


def _others_under_way(session: Session, project: Project) -> list[Finding]:
    number = round_under_way(session, project)
    if number is None:
        return []
    return [missing("rounds", RoundUnderWay(number=number).localized(), gettext("Cancel it, or wait."))]
