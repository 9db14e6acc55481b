"""The known answers of a campaign, for researchers."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation
from app.campaigns.models import Campaign
from app.prompts.models import Prompt
from app.quality.gold.models import CheckScore, GoldAnswer
from app.tasks.models import Assignment, Task


@dataclass(frozen=True)
class KnownTask:
    """To how many labelers it was given, how many have answered, and how they did: `agreed` of `pairs` of outputs."""

    task: Task
    answer: GoldAnswer
    prompt: Prompt
    author: User | None
    given: int
    answered: int
    pairs: int
    agreed: float

    @property
    def share(self) -> float | None:
        return self.agreed / self.pairs if self.pairs else None


def known_tasks(session: Session, campaign: Campaign) -> Sequence[KnownTask]:
    """Training tasks first, then the oldest; one statement."""
    given = select(func.count()).where(Assignment.task_id == Task.id).correlate(Task).scalar_subquery()
    scores = (
        select(
            Annotation.task_id,
            func.count().label("answered"),
            func.sum(CheckScore.pairs).label("pairs"),
            func.sum(CheckScore.agreed).label("agreed"),
        )
        .join(Annotation, (Annotation.id == CheckScore.annotation_id) & Annotation.current)
        .where(CheckScore.campaign_id == campaign.id)
        .group_by(Annotation.task_id)
        .subquery()
    )
    query = (
        select(Task, GoldAnswer, Prompt, User, given, scores.c.answered, scores.c.pairs, scores.c.agreed)
        .join(GoldAnswer, GoldAnswer.task_id == Task.id)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .outerjoin(User, User.id == GoldAnswer.author_id)
        .outerjoin(scores, scores.c.task_id == Task.id)
        .where(Task.campaign_id == campaign.id)
        .order_by(Task.purpose.desc(), Task.id)
    )
    return [
        KnownTask(task, answer, prompt, author, count, int(answered or 0), int(pairs or 0), float(agreed or 0))
        for task, answer, prompt, author, count, answered, pairs, agreed in session.execute(query)
    ]
