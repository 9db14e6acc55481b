"""Setting up a project's screening: what it asks, its cut-offs, its parts; opening and closing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign, CampaignState
from app.campaigns.service import open_campaign
from app.errors import DomainError, InvalidInput, message
from app.projects.forms import Attribute, AttributeType, RatingForm
from app.projects.models import FormVersion, Project
from app.projects.queries import current_form, rating_form
from app.quality.screening.gate import shut_out_unscreened
from app.quality.screening.models import KnownAnswer, Part, Screening, ScreeningPart
from app.quality.screening.queries import KINDS, parts_of, screening_of, somebody_began
from app.tasks.models import Purpose, Task
from app.translation import gettext as _

ANY_NUMBER = 1_000_000  # slots of a screening task: everybody answers every one
LONGEST_TOPIC = 80

# Which flags of the rating form of InstructGPT (tables 3 and 7) are about sensitive content.
SENSITIVE = (
    *("output.harmful_advice", "output.protected_class", "output.sexual_content", "output.violent_content"),
    *("output.encourages_violence", "prompt.sensitive_content"),
)


class ScreeningBegun(DomainError):
    sentence = message("Labelers have begun this screening: what it asks stays as it is, so that all get the same.")


class NotForScreening(DomainError):
    sentence = message("{name} cannot be this part: choose a draft of the right kind that was never open.")


class ScreeningNotReady(InvalidInput):
    """`reason` says what is missing."""


@dataclass(frozen=True)
class Settings:
    """What a researcher decides. Raises `InvalidInput` for topics that are needed and not asked about."""

    required: bool = False
    flags_cutoff: float = 0.75
    rankings_cutoff: float = 0.75
    demonstrations_cutoff: float = 6.0
    retake_days: int | None = None
    flags: tuple[str, ...] = SENSITIVE
    topics: tuple[str, ...] = ()
    needed_topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class FlagQuestion:
    """A flag that a screening may look at; `name` says whether it is asked of the output or of the prompt."""

    name: str
    attribute: Attribute


def flag_questions(form: RatingForm) -> list[FlagQuestion]:
    asked = [("output", each) for each in form.output] + [("prompt", each) for each in form.prompt]
    return [FlagQuestion(f"{of}.{each.name}", each) for of, each in asked if each.type is AttributeType.FLAG]


def form_of_flags(session: Session, project: Project) -> RatingForm:
    """The form on which candidates will tick: the campaign's own, else the project's as it stands."""
    screening = screening_of(session, project)
    campaign = parts_of(session, screening).get(Part.FLAGS) if screening else None
    number = campaign.form_version_id if campaign else None
    return rating_form(session.get_one(FormVersion, number) if number else current_form(session, project))


def save_screening(session: Session, project: Project, settings: Settings) -> Screening:
    """Make the project's screening or change it. Cut-offs hold for attempts that end from now on.

    Raises `InvalidInput`, and `ScreeningBegun` where other flags would be looked at.
    """
    missing = [topic for topic in settings.needed_topics if topic not in settings.topics]
    if missing:
        raise InvalidInput(reason=_("A topic is needed that labelers are not asked about."))
    screening = screening_of(session, project) or _add(session, Screening(project_id=project.id))
    if set(settings.flags) != set(screening.flags) and somebody_began(session, screening):
        raise ScreeningBegun
    for name in ("required", "flags_cutoff", "rankings_cutoff", "demonstrations_cutoff", "retake_days"):
        setattr(screening, name, getattr(settings, name))
    screening.flags, screening.topics = list(settings.flags), list(settings.topics)
    screening.needed_topics = list(settings.needed_topics)
    session.flush()
    shut_out_unscreened(session, screening)
    return screening


def choose_part(session: Session, screening: Screening, campaign: Campaign, part: Part) -> None:
    """Make a draft campaign one of the parts, in place of the one before.

    Its tasks are no real ones from now on. Raises `NotForScreening`, `ScreeningBegun`.
    """
    if somebody_began(session, screening):
        raise ScreeningBegun
    is_draft = campaign.state is CampaignState.DRAFT and campaign.opened_at is None and not campaign.imported
    if not is_draft or campaign.kind is not KINDS.get(part) or campaign.project_id != screening.project_id:
        raise NotForScreening(name=campaign.name)
    if session.get(ScreeningPart, campaign.id):
        raise NotForScreening(name=campaign.name)
    for before in session.scalars(
        select(ScreeningPart).where(ScreeningPart.screening_id == screening.id, ScreeningPart.part == part)
    ):
        give_up_part(session, screening, before)
    session.add(ScreeningPart(screening_id=screening.id, part=part, sitting=1, campaign_id=campaign.id))
    session.flush()
    set_tasks_apart(session, campaign)


def give_up_part(session: Session, screening: Screening, part: ScreeningPart) -> None:
    """The campaign is a draft with real tasks again, or stays closed if it was ever open. Raises `ScreeningBegun`."""
    if somebody_began(session, screening):
        raise ScreeningBegun
    campaign = session.get_one(Campaign, part.campaign_id)
    tasks = Task.campaign_id == campaign.id
    for answer in session.scalars(select(KnownAnswer).join(Task, Task.id == KnownAnswer.task_id).where(tasks)):
        session.delete(answer)
    real = {"purpose": Purpose.REAL, "overlap": campaign.overlap, "remaining": campaign.overlap}
    session.execute(update(Task).where(tasks).values(real))
    if campaign.state is CampaignState.OPEN:
        campaign.state = CampaignState.DRAFT
        campaign.opened_at = None
    session.delete(part)
    session.flush()


def set_tasks_apart(session: Session, campaign: Campaign) -> None:
    """Nobody has answered any of them yet."""
    apart = {"purpose": Purpose.SCREENING, "overlap": ANY_NUMBER, "remaining": ANY_NUMBER}
    session.execute(update(Task).where(Task.campaign_id == campaign.id, Task.purpose == Purpose.REAL).values(apart))


def open_screening(session: Session, screening: Screening) -> None:
    """Labelers may begin. Raises `ScreeningNotReady`."""
    parts = parts_of(session, screening)
    if not parts:
        raise ScreeningNotReady(reason=_("Choose at least one part first."))
    if Part.FLAGS in parts:
        _expect_flags(session, screening)
    for part, campaign in parts.items():
        set_tasks_apart(session, campaign)
        _expect_answers(session, part, campaign)
        open_campaign(session, campaign)
    screening.is_open = True
    session.flush()


def close_screening(session: Session, screening: Screening) -> None:
    """Nobody else begins; who did may finish."""
    screening.is_open = False
    session.flush()


def _expect_flags(session: Session, screening: Screening) -> None:
    form = form_of_flags(session, session.get_one(Project, screening.project_id))
    asked = {question.name for question in flag_questions(form)}
    if not screening.flags:
        raise ScreeningNotReady(reason=_("Choose the flags that are looked at."))
    if not asked.issuperset(screening.flags):
        raise ScreeningNotReady(reason=_("A flag is looked at that the rating form does not ask about."))


def _expect_answers(session: Session, part: Part, campaign: Campaign) -> None:
    total, known = counted(session, campaign)
    if not total:
        raise ScreeningNotReady(reason=_("A part has no tasks."))
    if part is not Part.DEMONSTRATIONS and known < total:
        raise ScreeningNotReady(reason=_("Some tasks have no known answer yet."))


def counted(session: Session, campaign: Campaign) -> tuple[int, int]:
    """Tasks that are handed out, and those of them with a known answer."""
    query = (
        select(func.count(), func.count(KnownAnswer.task_id))
        .select_from(Task)
        .outerjoin(KnownAnswer, KnownAnswer.task_id == Task.id)
        .where(Task.campaign_id == campaign.id, ~Task.set_aside)
    )
    total, known = session.execute(query).one()
    return total, known


def _add(session: Session, screening: Screening) -> Screening:
    session.add(screening)
    session.flush()
    return screening


def named_topics(text: str) -> tuple[str, ...]:
    """One a line, each once."""
    lines: Sequence[str] = [" ".join(line.split())[:LONGEST_TOPIC] for line in text.splitlines()]
    return tuple(dict.fromkeys(line for line in lines if line))
