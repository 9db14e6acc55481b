"""Things to test with, made through the services: say what the test is about, the rest is filled in."""

from itertools import count

from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.completions.models import Completion
from app.completions.service import add_completion
from app.projects.models import Project
from app.projects.service import create_project
from app.prompts.models import Prompt, Source
from app.prompts.service import add_prompt
from app.quality.membership import admit_cohort
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Task
from app.tasks.service import add_compare_tasks, add_demonstrate_tasks, add_rate_tasks

_numbers = count(1)


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


def make_project(session: Session, name: str | None = None) -> Project:
    return create_project(session, name or f"Project {next(_numbers)}", guidelines="Be **fair**.")


def make_prompt(session: Session, project: Project | None = None, content: str | None = None) -> Prompt:
    messages = [{"role": "user", "content": content or f"Question {next(_numbers)}?"}]
    prompt, _ = add_prompt(session, project or make_project(session), messages, source=Source.IMPORTED)
    return prompt


def make_completion(session: Session, prompt: Prompt, text: str | None = None) -> Completion:
    return add_completion(session, prompt, text or f"Answer {next(_numbers)}.")


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
    """A draft without tasks."""
    return create_campaign(
        session,
        project or make_project(session),
        name or f"Campaign {next(_numbers)}",
        kind,
        overlap=overlap,
        cohort=Cohort.HELD_OUT if kind is CampaignKind.EVALUATE else Cohort.TRAINING,
        priority=priority,
        lease_minutes=lease_minutes,
    )


def make_tasks(session: Session, campaign: Campaign, number: int = 1, outputs: int = 4) -> list[Task]:
    """Tasks of the campaign's kind, each with a prompt of its own."""
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
) -> Campaign:
    """Open, with tasks, all labelers of the cohort made so far admitted."""
    campaign = make_campaign(session, kind, project=project, overlap=overlap, priority=priority)
    make_tasks(session, campaign, tasks, outputs)
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    return campaign


def make_assignment(session: Session, labeler: User, campaign: Campaign | None = None) -> Assignment:
    """The labeler's lease on a task; of a new comparison of four outputs unless a campaign is given."""
    claimed = claim_next_task(session, labeler, campaign or make_open_campaign(session))
    assert claimed is not None
    return claimed
