"""How labelers do, for researchers: scores on known answers and repeats, signs, and who is paused."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.annotations.models import Annotation
from app.campaigns.models import Campaign, CampaignMember
from app.errors import NotFound
from app.projects.models import Project
from app.quality.agreement.scope import People
from app.quality.gold.models import CheckScore, Level, Sign
from app.tasks.models import Purpose

State = Literal["noticed", "paused"]
NEWEST_SCORES = 300


@dataclass(frozen=True)
class Chosen:
    """None means any."""

    project: int | None = None
    campaign: int | None = None
    cohort: Cohort | None = None
    people: People = "both"
    state: State | None = None


@dataclass(frozen=True)
class Score:
    """Over `tasks` checks: `agreed` of `pairs` of outputs, `alike` of `questions`."""

    tasks: int = 0
    pairs: int = 0
    agreed: float = 0.0
    questions: int = 0
    alike: int = 0

    @property
    def share(self) -> float | None:
        return self.agreed / self.pairs if self.pairs else None

    @property
    def share_alike(self) -> float | None:
        return self.alike / self.questions if self.questions else None


@dataclass(frozen=True)
class Watched:
    """One labeler in the campaigns looked at; `paused` and `campaigns` count those."""

    labeler: User
    campaigns: int
    paused: int
    last: datetime | None
    scores: Mapping[Purpose, Score]
    signs: Sequence[Sign] = field(default_factory=list)

    @property
    def gold(self) -> Score:
        return self.scores.get(Purpose.GOLD, Score())

    @property
    def repeats(self) -> Score:
        return self.scores.get(Purpose.REPEAT, Score())

    @property
    def level(self) -> Level | None:
        return max((sign.level for sign in self.signs), key=lambda level: level is Level.PAUSE, default=None)


@dataclass(frozen=True)
class Scored:
    """One check that a labeler answered."""

    score: CheckScore
    task: int
    campaign: Campaign


@dataclass(frozen=True)
class Place:
    """A campaign that a labeler may work in, and what was noticed of them there."""

    campaign: Campaign
    project: Project
    paused: bool
    signs: Sequence[Sign]


def watched_labelers(session: Session, chosen: Chosen) -> list[Watched]:
    """Those with signs first, then by name. Four statements, however many there are."""
    scores, signs = _scores(session, chosen), _signs(session, chosen)
    found = [
        Watched(labeler, campaigns, paused, last, scores.get(labeler.id, {}), signs.get(labeler.id, []))
        for labeler, campaigns, paused, last in session.execute(_members(chosen))
    ]
    kept = [each for each in found if _is_in_state(each, chosen.state)]
    return sorted(kept, key=lambda each: (each.level is not Level.PAUSE, not each.signs, each.labeler.name))


def _is_in_state(watched: Watched, state: State | None) -> bool:
    return {None: True, "noticed": bool(watched.signs), "paused": watched.paused > 0}[state]


def _within(chosen: Chosen) -> list[ColumnElement[bool]]:
    """Over campaigns and users."""
    conditions: list[ColumnElement[bool]] = []
    if chosen.project is not None:
        conditions.append(Campaign.project_id == chosen.project)
    if chosen.campaign is not None:
        conditions.append(Campaign.id == chosen.campaign)
    if chosen.cohort is not None:
        conditions.append(User.cohort == chosen.cohort)
    if chosen.people != "both":
        origin = User.origin == Origin.SIMULATED
        conditions.append(origin if chosen.people == "simulated" else ~origin)
    return conditions


def _members(chosen: Chosen) -> Select[User, int, int, datetime | None]:
    last = select(func.max(Annotation.created_at)).where(Annotation.labeler_id == User.id)
    return (
        select(
            User,
            func.count(),
            func.count().filter(CampaignMember.paused),
            last.correlate(User).scalar_subquery(),
        )
        .join(CampaignMember, CampaignMember.user_id == User.id)
        .join(Campaign, Campaign.id == CampaignMember.campaign_id)
        .where(User.role == Role.LABELER, *_within(chosen))
        .group_by(User.id)
    )


def _scores(session: Session, chosen: Chosen) -> dict[int, dict[Purpose, Score]]:
    query = (
        select(
            CheckScore.labeler_id,
            CheckScore.purpose,
            func.count(),
            func.sum(CheckScore.pairs),
            func.sum(CheckScore.agreed),
            func.sum(CheckScore.questions),
            func.sum(CheckScore.alike),
        )
        .join(Annotation, (Annotation.id == CheckScore.annotation_id) & Annotation.current)
        .join(Campaign, Campaign.id == CheckScore.campaign_id)
        .join(User, User.id == CheckScore.labeler_id)
        .where(*_within(chosen))
        .group_by(CheckScore.labeler_id, CheckScore.purpose)
    )
    found: dict[int, dict[Purpose, Score]] = defaultdict(dict)
    for labeler, purpose, tasks, pairs, agreed, questions, alike in session.execute(query):
        found[labeler][purpose] = Score(tasks, int(pairs), float(agreed), int(questions), int(alike))
    return found


def _signs(session: Session, chosen: Chosen) -> dict[int, list[Sign]]:
    query = (
        select(Sign)
        .join(Campaign, Campaign.id == Sign.campaign_id)
        .join(User, User.id == Sign.labeler_id)
        .where(*_within(chosen))
        .order_by(Sign.evidence.desc())
    )
    found: dict[int, list[Sign]] = defaultdict(list)
    for sign in session.scalars(query):
        found[sign.labeler_id].append(sign)
    return found


def labeler(session: Session, number: int) -> User:
    """Raises `NotFound` for whoever is no labeler."""
    found = session.get(User, number)
    if found is None or found.role is not Role.LABELER:
        raise NotFound(what="user", number=number)
    return found


def places_of(session: Session, labeler: User) -> list[Place]:
    """Campaigns with signs first, then the newest."""
    query = (
        select(Campaign, Project, CampaignMember.paused)
        .join(Project, Project.id == Campaign.project_id)
        .join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
        .where(CampaignMember.user_id == labeler.id)
        .order_by(Campaign.id.desc())
    )
    signs: dict[int, list[Sign]] = defaultdict(list)
    for sign in session.scalars(select(Sign).where(Sign.labeler_id == labeler.id).order_by(Sign.evidence.desc())):
        signs[sign.campaign_id].append(sign)
    places = [
        Place(campaign, project, paused, signs.get(campaign.id, []))
        for campaign, project, paused in session.execute(query)
    ]
    return sorted(places, key=lambda place: not place.signs)


def scores_of(session: Session, labeler: User, campaign_id: int | None = None) -> list[Scored]:
    """Of current answers, the newest so many, oldest first."""
    query = (
        select(CheckScore, Annotation.task_id, Campaign)
        .join(Annotation, (Annotation.id == CheckScore.annotation_id) & Annotation.current)
        .join(Campaign, Campaign.id == CheckScore.campaign_id)
        .where(CheckScore.labeler_id == labeler.id)
        .order_by(CheckScore.answered_at.desc())
        .limit(NEWEST_SCORES)
    )
    if campaign_id is not None:
        query = query.where(CheckScore.campaign_id == campaign_id)
    rows: list[Any] = list(session.execute(query))
    return [Scored(score, task, campaign) for score, task, campaign in reversed(rows)]


def names_of(session: Session, numbers: Iterable[int | None]) -> dict[int, str]:
    wanted = {number for number in numbers if number is not None}
    return dict(session.execute(select(User.id, User.name).where(User.id.in_(wanted))).tuples()) if wanted else {}
