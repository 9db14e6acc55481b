"""Something is wrong with a prompt: labelers say so once each, researchers look at it and settle it."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.errors import InvalidInput, NotFound, message
from app.projects.models import Project
from app.prompts.models import Prompt, PromptReport

LONGEST_REASON = 1_000
LONGEST_WARNING = 300


class ReportSaysNothing(InvalidInput):
    sentence = message("Say in a few words what is wrong with this prompt.")


@dataclass(frozen=True)
class Reported:
    """A report with its prompt and who made it."""

    report: PromptReport
    prompt: Prompt
    reporter: User


def report_prompt(session: Session, prompt: Prompt, reporter: User, reason: str) -> None:
    """A second report by the same person says it anew, and is open again. Raises `ReportSaysNothing`."""
    if not reason.strip():
        raise ReportSaysNothing
    said = {"reason": reason.strip()[:LONGEST_REASON], "created_at": clock.now()}
    new = insert(PromptReport).values(prompt_id=prompt.id, reporter_id=reporter.id, **said)
    opened = {**said, "resolved_at": None, "resolved_by_id": None}
    session.execute(new.on_conflict_do_update(index_elements=["prompt_id", "reporter_id"], set_=opened))


def resolve_reports(session: Session, prompt: Prompt, researcher: User) -> int:
    """All open reports of a prompt are settled; returns how many."""
    query = select(PromptReport).where(PromptReport.prompt_id == prompt.id, PromptReport.resolved_at.is_(None))
    reports = session.scalars(query.with_for_update()).all()
    for report in reports:
        report.resolved_at, report.resolved_by_id = clock.now(), researcher.id
    session.flush()
    return len(reports)


def warn_of(session: Session, prompt: Prompt, warning: str) -> None:
    """What is in its texts, said before they are shown; an empty warning takes it back."""
    prompt.content_warning = warning.strip()[:LONGEST_WARNING] or None
    session.flush()


def reports_in(session: Session, project: Project, page: int, size: int) -> list[Reported]:
    """Open ones first, then the newest; pages count from 1."""
    query = (
        select(PromptReport, Prompt, User)
        .join(Prompt, Prompt.id == PromptReport.prompt_id)
        .join(User, User.id == PromptReport.reporter_id)
        .where(Prompt.project_id == project.id)
        .order_by(PromptReport.resolved_at.is_not(None), PromptReport.created_at.desc(), PromptReport.id.desc())
        .offset((page - 1) * size)
        .limit(size)
    )
    return [Reported(report, prompt, reporter) for report, prompt, reporter in session.execute(query)]


def report_count(session: Session, project: Project) -> int:
    return session.scalars(_counting(project)).one()


def open_report_count(session: Session, project: Project) -> int:
    return session.scalars(_counting(project).where(PromptReport.resolved_at.is_(None))).one()


def report(session: Session, number: int) -> PromptReport:
    found = session.get(PromptReport, number)
    if found is None:
        raise NotFound(what="report", number=number)
    return found


def _counting(project: Project) -> Select[int]:
    return (
        select(func.count())
        .select_from(PromptReport)
        .join(Prompt, Prompt.id == PromptReport.prompt_id)
        .where(Prompt.project_id == project.id)
    )
