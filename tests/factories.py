"""Things to test with, made through the services: say what the test is about, the rest is filled in."""

from itertools import count

from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.completions.models import Completion
from app.completions.service import add_completion
from app.projects.models import Project, Rule
from app.projects.rules import create_rule
from app.projects.service import create_project
from app.prompts.models import Prompt, PromptKind, Source
from app.prompts.service import add_prompt
from app.quality.membership import admit_cohort
from app.tasks.briefs import ATTACK, Brief
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Task
from app.tasks.service import (
    WRITTEN,
    add_compare_tasks,
    add_demonstrate_tasks,
    add_rate_tasks,
    add_writing_tasks,
)

_numbers = count(1)
PLAIN = Brief(kind=PromptKind.PLAIN)


def make_user(
    session: Session, role: Role = Role.LABELER, *, cohort: Cohort | None = None, origin: Origin = Origin.PERSON
) -> User:
    """An active account without a password; a labeler is of the training cohort unless said."""
    number = next(_numbers)
    if role is Role.LABELER and cohort is None:
        cohort = Cohort.TRAINING
    email = f"user{number}@example.org"
    user = User(name=f"User {number}", email=email, role=role, cohort=cohort, origin=origin, active=True)
    session.add(user)
    session.flush()
    return user


def make_labeler(session: Session, cohort: Cohort = Cohort.TRAINING, *, origin: Origin = Origin.PERSON) -> User:
    return make_user(session, cohort=cohort, origin=origin)


def make_project(session: Session, name: str | None = None, *, guidelines: str = "") -> Project:
    """Without guidelines unless said, so that nobody has to acknowledge any."""
    return create_project(session, name or f"Project {next(_numbers)}", guidelines=guidelines)


def make_prompt(session: Session, project: Project | None = None, content: str | None = None) -> Prompt:
    messages = [{"role": "user", "content": content or f"Question {next(_numbers)}?"}]
    prompt, _ = add_prompt(session, project or make_project(session), messages, source=Source.IMPORTED)
    return prompt


def make_completion(session: Session, prompt: Prompt, text: str | None = None) -> Completion:
    return add_completion(session, prompt, text or f"Answer {next(_numbers)}.")


def make_rule(session: Session, project: Project) -> Rule:
    return create_rule(session, project, f"Rule {next(_numbers)}", "The assistant must not threaten anybody.")


def make_campaign(
    session: Session,
    kind: CampaignKind = CampaignKind.COMPARE,
    *,
    project: Project | None = None,
    name: str | None = None,
    overlap: int = 1,
    priority: int = 0,
    lease_minutes: int = 60,
) -> Campaign:
    """A draft without tasks. One that attacks makes its rule."""
    project = project or make_project(session)
    return create_campaign(
        session,
        project,
        name or f"Campaign {next(_numbers)}",
        kind,
        overlap=overlap,
        cohort=Cohort.HELD_OUT if kind is CampaignKind.EVALUATE else Cohort.TRAINING,
        priority=priority,
        lease_minutes=lease_minutes,
        rule=make_rule(session, project) if kind is CampaignKind.RED_TEAM else None,
    )


def make_tasks(
    session: Session, campaign: Campaign, number: int = 1, outputs: int = 4, brief: Brief = PLAIN
) -> list[Task]:
    """Tasks of the campaign's kind, each with a prompt of its own, or a brief to write one by."""
    if campaign.kind in WRITTEN:
        return add_writing_tasks(session, campaign, [brief] * number)
    project = session.get_one(Project, campaign.project_id)
    prompts = [make_prompt(session, project) for _ in range(number)]
    if campaign.kind is CampaignKind.DEMONSTRATE:
        return add_demonstrate_tasks(session, campaign, prompts)
    if campaign.kind is CampaignKind.RATE:
        return add_rate_tasks(session, campaign, [(prompt, make_completion(session, prompt)) for prompt in prompts])
    groups = [(prompt, [make_completion(session, prompt) for _ in range(outputs)]) for prompt in prompts]
    return add_compare_tasks(session, campaign, groups)


def make_open_campaign(
    session: Session,
    kind: CampaignKind = CampaignKind.COMPARE,
    *,
    tasks: int = 1,
    outputs: int = 4,
    overlap: int = 1,
    priority: int = 0,
    project: Project | None = None,
    brief: Brief = PLAIN,
) -> Campaign:
    """Open, with tasks, all labelers of the cohort made so far admitted."""
    campaign = make_campaign(session, kind, project=project, overlap=overlap, priority=priority)
    make_tasks(session, campaign, tasks, outputs, ATTACK if kind is CampaignKind.RED_TEAM else brief)
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    return campaign


def make_assignment(session: Session, labeler: User, campaign: Campaign | None = None) -> Assignment:
    """The labeler's lease on a task; of a new comparison of four outputs unless a campaign is given."""
    claimed = claim_next_task(session, labeler, campaign or make_open_campaign(session))
    assert claimed is not None
    return claimed
