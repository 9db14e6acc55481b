"""Where a labeler stands: which qualifications there are for them, and how far they are in each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.campaigns.models import Campaign
from app.projects.models import Project
from app.quality.screening.attempts import SENT, may_begin
from app.quality.screening.models import Attempt, AttemptState, Part, PartScore, Screening
from app.quality.screening.queries import parts_of, scores_of
from app.tasks.models import Assignment, Task

TOLD_FOR = timedelta(days=14)  # that one was admitted; then it goes without saying


@dataclass(frozen=True)
class PartProgress:
    """`withheld`: the labeler asked not to see sensitive content, and this part shows some."""

    part: Part
    campaign: Campaign
    done: int
    total: int
    withheld: bool = False


@dataclass(frozen=True)
class Standing:
    """No attempt where none was begun."""

    screening: Screening
    project: str
    attempt: Attempt | None
    may_begin: bool
    parts: list[PartProgress] = field(default_factory=list)
    scores: Mapping[Part, PartScore] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return sum(part.done for part in self.parts)

    @property
    def total(self) -> int:
        return sum(part.total for part in self.parts)

    @property
    def wants_assessment(self) -> bool:
        if self.attempt is None or self.attempt.state is not AttemptState.IN_PROGRESS:
            return False
        return bool(self.screening.topics) and self.attempt.comfort is None


def standings_of(session: Session, labeler: User) -> list[Standing]:
    """Of projects that are not archived: those open to them, and their latest attempts; an admission for a while."""
    last = _latest(labeler)
    query = (
        select(Screening, Project.name, Attempt)
        .join(Project, Project.id == Screening.project_id)
        .outerjoin(last, last.c.screening_id == Screening.id)
        .outerjoin(Attempt, Attempt.id == last.c.id)
        .where(~Project.archived)
        .order_by(Project.name)
    )
    rows = [(screening, name, attempt) for screening, name, attempt in session.execute(query)]
    return [_standing(session, labeler, *row) for row in rows if _is_told(row[0], row[2])]


def standing_of(session: Session, labeler: User, attempt: Attempt) -> Standing:
    screening = session.get_one(Screening, attempt.screening_id)
    name = session.get_one(Project, screening.project_id).name
    return _standing(session, labeler, screening, name, attempt)


def _latest(labeler: User) -> Subquery:
    query = select(Attempt.screening_id, func.max(Attempt.id).label("id")).where(Attempt.labeler_id == labeler.id)
    return query.group_by(Attempt.screening_id).subquery()


def _is_told(screening: Screening, attempt: Attempt | None) -> bool:
    if attempt is None:
        return screening.is_open
    if attempt.state is not AttemptState.ADMITTED or attempt.decided_at is None:
        return True
    return clock.now() - attempt.decided_at < TOLD_FOR


def _standing(session: Session, labeler: User, screening: Screening, name: str, attempt: Attempt | None) -> Standing:
    begin = may_begin(screening, attempt)
    if attempt is None:
        return Standing(screening, name, None, begin)
    scores = scores_of(session, [attempt]).get(attempt.id, {})
    return Standing(screening, name, attempt, begin, _progress(session, labeler, screening, attempt), scores)


def _progress(session: Session, labeler: User, screening: Screening, attempt: Attempt) -> list[PartProgress]:
    parts = parts_of(session, screening, attempt.number)
    query = (
        select(Task.campaign_id, func.count(), func.count(Assignment.id))
        .outerjoin(
            Assignment,
            (Assignment.task_id == Task.id) & (Assignment.labeler_id == labeler.id) & Assignment.state.in_(SENT),
        )
        .where(Task.campaign_id.in_([campaign.id for campaign in parts.values()]), ~Task.set_aside)
        .group_by(Task.campaign_id)
    )
    counts = {campaign: (total, done) for campaign, total, done in session.execute(query)}
    found = []
    for part, campaign in parts.items():
        total, done = counts.get(campaign.id, (0, 0))
        withheld = bool(campaign.content_warning) and not labeler.sees_sensitive
        found.append(PartProgress(part, campaign, done, total, withheld and done < total))
    return found
