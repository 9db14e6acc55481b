"""Reads about screenings: a project's own, its parts and their tasks, and labelers' attempts."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.completions.models import Completion
from app.errors import NotFound
from app.projects.models import Project
from app.quality.screening.models import Attempt, Part, PartScore, Screening, ScreeningPart
from app.tasks.models import Task, TaskCompletion

PARTS = {
    CampaignKind.RATE: Part.FLAGS,
    CampaignKind.COMPARE: Part.RANKINGS,
    CampaignKind.DEMONSTRATE: Part.DEMONSTRATIONS,
}
KINDS = {part: kind for kind, part in PARTS.items()}


def screening_of(session: Session, project: Project) -> Screening | None:
    return session.scalar(select(Screening).where(Screening.project_id == project.id))


def screening_numbered(session: Session, number: int) -> Screening:
    found = session.get(Screening, number)
    if found is None:
        raise NotFound(what="screening", number=number)
    return found


def parts_of(session: Session, screening: Screening, sitting: int = 1) -> dict[Part, Campaign]:
    """The campaigns of first attempts, or of later ones; in the order of `Part`."""
    query = (
        select(ScreeningPart.part, Campaign)
        .join(Campaign, Campaign.id == ScreeningPart.campaign_id)
        .where(ScreeningPart.screening_id == screening.id, ScreeningPart.sitting == sitting)
    )
    found = dict(session.execute(query).all())
    return {part: found[part] for part in Part if part in found}


def part_of_campaign(session: Session, campaign: Campaign) -> ScreeningPart | None:
    """None where it has real work."""
    return session.get(ScreeningPart, campaign.id)


def campaigns_for(session: Session, project: Project, part: Part) -> Sequence[Campaign]:
    """Drafts of the part's kind that are no part of a screening yet, newest first."""
    taken = select(ScreeningPart.campaign_id)
    query = select(Campaign).where(
        Campaign.project_id == project.id,
        Campaign.kind == KINDS[part],
        Campaign.state == CampaignState.DRAFT,
        Campaign.opened_at.is_(None),
        Campaign.id.not_in(taken),
    )
    return session.scalars(query.order_by(Campaign.id.desc())).all()


def tasks_of(session: Session, campaign: Campaign) -> Sequence[Task]:
    """Those that are handed out, by number."""
    query = select(Task).where(Task.campaign_id == campaign.id, ~Task.set_aside)
    return session.scalars(query.order_by(Task.id)).all()


def outputs_of_tasks(session: Session, tasks: Sequence[Task]) -> dict[int, list[Completion]]:
    """By task id, in each task's fixed order."""
    query = (
        select(TaskCompletion.task_id, Completion)
        .join(Completion, Completion.id == TaskCompletion.completion_id)
        .where(TaskCompletion.task_id.in_([task.id for task in tasks]))
        .order_by(TaskCompletion.task_id, TaskCompletion.position)
    )
    outputs: dict[int, list[Completion]] = {task.id: [] for task in tasks}
    for number, completion in session.execute(query):
        outputs[number].append(completion)
    return outputs


def somebody_began(session: Session, screening: Screening) -> bool:
    return session.scalar(select(Attempt.id).where(Attempt.screening_id == screening.id).limit(1)) is not None


def latest_attempt(session: Session, screening: Screening, labeler: User) -> Attempt | None:
    query = select(Attempt).where(Attempt.screening_id == screening.id, Attempt.labeler_id == labeler.id)
    return session.scalar(query.order_by(Attempt.number.desc()).limit(1))


def attempt_numbered(session: Session, screening: Screening, number: int) -> Attempt:
    found = session.get(Attempt, number)
    if found is None or found.screening_id != screening.id:
        raise NotFound(what="attempt", number=number)
    return found


def attempt_of(session: Session, labeler: User, number: int) -> Attempt:
    """Somebody else's is not there at all."""
    found = session.get(Attempt, number)
    if found is None or found.labeler_id != labeler.id:
        raise NotFound(what="attempt", number=number)
    return found


def scores_of(session: Session, attempts: Sequence[Attempt]) -> dict[int, dict[Part, PartScore]]:
    """By attempt id; attempts without scores are left out."""
    found: dict[int, dict[Part, PartScore]] = {}
    query = select(PartScore).where(PartScore.attempt_id.in_([attempt.id for attempt in attempts]))
    for score in session.scalars(query):
        found.setdefault(score.attempt_id, {})[score.part] = score
    return {attempt: {part: of[part] for part in Part if part in of} for attempt, of in found.items()}
