"""Tasks of a later attempt: the same prompts and outputs as new tasks, since nobody answers a task twice."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.campaigns.service import create_campaign, open_campaign
from app.completions.models import Completion
from app.projects.models import FormVersion, Project
from app.prompts.models import Prompt
from app.quality.screening.making import set_tasks_apart
from app.quality.screening.models import KnownAnswer, Part, Screening, ScreeningPart
from app.quality.screening.queries import outputs_of_tasks, parts_of, tasks_of
from app.tasks.models import Task
from app.tasks.service import add_compare_tasks, add_demonstrate_tasks, add_rate_tasks

Group = tuple[Prompt, list[Completion]]


def parts_for_sitting(session: Session, screening: Screening, sitting: int) -> dict[Part, Campaign]:
    """As `parts_of`; copies are made where it is the first time that somebody needs them. The screening is locked."""
    if there := parts_of(session, screening, sitting):
        return there
    for part, campaign in parts_of(session, screening).items():
        copy = _copy_campaign(session, campaign, sitting)
        session.add(ScreeningPart(screening_id=screening.id, part=part, sitting=sitting, campaign_id=copy.id))
        _copy_tasks(session, part, campaign, copy)
        set_tasks_apart(session, copy)
        open_campaign(session, copy)
    return parts_of(session, screening, sitting)


def _copy_campaign(session: Session, campaign: Campaign, sitting: int) -> Campaign:
    return create_campaign(
        session,
        session.get_one(Project, campaign.project_id),
        f"{campaign.name} ({sitting})",
        campaign.kind,
        cohort=campaign.cohort,
        priority=campaign.priority,
        lease_minutes=campaign.lease_minutes,
        form=session.get_one(FormVersion, campaign.form_version_id),
        content_warning=campaign.content_warning,
    )


def _copy_tasks(session: Session, part: Part, campaign: Campaign, copy: Campaign) -> None:
    originals = tasks_of(session, campaign)
    groups = _groups_of(session, originals)
    for original, task in zip(originals, _added(session, part, copy, groups), strict=True):
        if known := session.get(KnownAnswer, original.id):
            said = {"ranks": known.ranks, "ratings": known.ratings, "prompt_ratings": known.prompt_ratings}
            session.add(KnownAnswer(task_id=task.id, given_by_id=known.given_by_id, **said))
    session.flush()


def _added(session: Session, part: Part, campaign: Campaign, groups: Sequence[Group]) -> list[Task]:
    if part is Part.DEMONSTRATIONS:
        return add_demonstrate_tasks(session, campaign, [prompt for prompt, _ in groups])
    if part is Part.FLAGS:
        return add_rate_tasks(session, campaign, [(prompt, outputs[0]) for prompt, outputs in groups])
    return add_compare_tasks(session, campaign, groups)


def _groups_of(session: Session, tasks: Sequence[Task]) -> list[Group]:
    """Prompts and outputs in the tasks' fixed order."""
    numbers = [task.prompt_id for task in tasks]
    prompts = {prompt.id: prompt for prompt in session.scalars(select(Prompt).where(Prompt.id.in_(numbers)))}
    outputs = outputs_of_tasks(session, tasks)
    return [(prompts[task.prompt_id], outputs[task.id]) for task in tasks if task.prompt_id is not None]
