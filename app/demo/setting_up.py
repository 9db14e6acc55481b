"""What the demo starts from: a project about restaurants, people's demonstrations, and accounts."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.links import make_user_link
from app.accounts.models import Cohort, LinkPurpose, Origin, Role, User
from app.accounts.queries import user_by_email
from app.accounts.service import create_user
from app.annotations.imports.importing import import_demonstrations
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.projects.models import Project
from app.projects.service import create_project
from app.prompts.importing import import_prompts
from app.prompts.models import Prompt
from app.quality.membership import admit_cohort
from app.simulation.corpus import Corpus
from app.simulation.facts import Facts
from app.tasks.service import add_demonstrate_tasks
from trainer.records import Demonstration, Message, PromptRecord, to_line

GUIDELINES = """\
Each prompt lists what is known of a restaurant. A good text tells **all of it, nothing else, and nothing wrong**.

- Rank by the number of errors: a fact left out, a fact told wrong, a fact made up, or something said twice.
- Texts with equally many errors are **tied**. Style, length and order do not matter.
- Tick *hallucination* where a text says something wrong or made up, *fails the task* where most is missing.
"""
CREW = {Cohort.TRAINING: 6, Cohort.HELD_OUT: 3}
VISITORS = {
    Role.ADMIN: "admin@demo.example",
    Role.RESEARCHER: "researcher@demo.example",
    Role.LABELER: "labeler@demo.example",
}


@dataclass(frozen=True)
class Setting:
    """The project, the campaign in which labelers write, and what they will write there, by facts."""

    project_id: int
    campaign_id: int
    unwritten: dict[Facts, str]


def set_up(session: Session, corpus: Corpus, by_labelers: int) -> Setting:
    """Of `by_labelers` places one demonstration is kept back for the labelers to write; the others are imported."""
    project = create_project(session, _free_name(session), guidelines=GUIDELINES)
    unwritten = {one.facts: one.text for one in corpus.demonstrations}
    unwritten = dict(list(unwritten.items())[:by_labelers])
    _import_prompts(session, project, corpus)
    _import_demonstrations(session, project, corpus, unwritten)
    _hire(session, project)
    campaign = _open_writing(session, project, unwritten)
    return Setting(project.id, campaign.id, unwritten)


def _free_name(session: Session) -> str:
    demos = session.scalar(select(func.count()).where(Project.name.startswith("Restaurants"))) or 0
    return f"Restaurants {demos + 1}" if demos else "Restaurants"


def prompt_of(facts: Facts) -> tuple[Message, ...]:
    return (Message("user", str(facts)),)


def _import_prompts(session: Session, project: Project, corpus: Corpus) -> None:
    """Every place, in the split that the corpus gave it."""
    places = {"train": corpus.train, "validation": corpus.validation, "test": corpus.held_out}
    records = (
        PromptRecord(f"{split} {number}", prompt_of(facts), split)  # type: ignore[arg-type]  # a key of the above
        for split, of_split in places.items()
        for number, facts in enumerate(of_split, start=1)
    )
    import_prompts(session, project, _file(map(to_line, records)))


def _import_demonstrations(session: Session, project: Project, corpus: Corpus, unwritten: dict[Facts, str]) -> None:
    names = {facts: f"train {number}" for number, facts in enumerate(corpus.train, start=1)}
    records = (
        Demonstration("", names[one.facts], prompt_of(one.facts), one.text)
        for one in corpus.demonstrations
        if unwritten.get(one.facts) != one.text
    )
    import_demonstrations(session, project, _file(map(to_line, records)), source="restaurants")


def _file(lines: Iterable[str]) -> io.BytesIO:
    return io.BytesIO("\n".join(lines).encode())


def _hire(session: Session, project: Project) -> None:
    for cohort, count in CREW.items():
        for number in range(1, count + 1):
            create_user(
                session,
                name=f"Simulated labeler {number} ({cohort.value.replace('_', '-')})",
                email=f"{cohort.value}-{number}@project-{project.id}.demo.example",
                role=Role.LABELER,
                cohort=cohort,
                origin=Origin.SIMULATED,
            )


def _open_writing(session: Session, project: Project, unwritten: Iterable[Facts]) -> Campaign:
    by_content = {
        prompt.messages[-1]["content"]: prompt
        for prompt in session.scalars(select(Prompt).where(Prompt.project_id == project.id))
    }
    campaign = create_campaign(session, project, "Demonstrations", CampaignKind.DEMONSTRATE)
    add_demonstrate_tasks(session, campaign, [by_content[str(facts)] for facts in unwritten])
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    return campaign


def crew_of(session: Session, project_id: int, cohort: Cohort) -> list[User]:
    """The simulated labelers hired for this project."""
    query = select(User).where(User.cohort == cohort, User.email.endswith(f"@project-{project_id}.demo.example"))
    return list(session.scalars(query.order_by(User.id)))


def visitors_links(session: Session, base_url: str) -> dict[Role, str]:
    """One-time sign-in links for the reader, one for each role."""
    return {role: sign_in_link(session, base_url, _visitor(session, role)) for role in VISITORS}


def _visitor(session: Session, role: Role) -> User:
    found = user_by_email(session, VISITORS[role])
    return found or create_user(session, name=f"Demo {role.value}", email=VISITORS[role], role=role)


def sign_in_link(session: Session, base_url: str, user: User) -> str:
    return f"{base_url}/sign-in/once/{make_user_link(session, LinkPurpose.SIGN_IN, user)}"
