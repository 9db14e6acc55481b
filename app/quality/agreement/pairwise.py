"""How often two labelers agree on the same task (InstructGPT, section 3.4, reports 72.6 % and 77.3 %).

The rule: take every two labelers of a task and every two outputs that both put in a strict order. They agree where the
order is the same. Pairs that either of them tied are left out and counted apart.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign
from app.quality.agreement.scope import Scope, oldest_task
from app.tasks.models import Purpose, Task


@dataclass(frozen=True)
class Agreement:
    """Over pairs of labelers and of outputs: those both ordered strictly, those ordered alike, those somebody tied.

    `cut`: only the newest tasks were looked at.
    """

    strict: int
    alike: int
    tied: int
    cut: bool = False

    @property
    def share(self) -> float | None:
        return self.alike / self.strict if self.strict else None


def pairwise_agreement(session: Session, campaign: Campaign, newest_tasks: int | None = None) -> Agreement:
    """Current rankings only; surplus ones stay outside. `newest_tasks` bounds the work."""
    since = oldest_task(session, Scope(campaigns=(campaign.id,), people="both", newest_tasks=newest_tasks))
    mine, theirs = aliased(Annotation), aliased(Annotation)
    first, second = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    their_first, their_second = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    my_order = func.sign(first.rank - second.rank)
    their_order = func.sign(their_first.rank - their_second.rank)
    counted = [  # the same for both labelers
        (one.kind == AnnotationKind.RANKING) & one.current & ~one.surplus & one.reviewer_id.is_(None)
        for one in (mine, theirs)
    ]
    query = (
        select(
            func.count().filter(my_order * their_order != 0),
            func.count().filter(my_order * their_order > 0),
            func.count().filter(my_order * their_order == 0),
        )
        .select_from(mine)
        .join(Task, (Task.id == mine.task_id) & (Task.campaign_id == campaign.id) & (Task.purpose == Purpose.REAL))
        .join(theirs, (theirs.task_id == mine.task_id) & (theirs.labeler_id > mine.labeler_id))
        .join(first, first.annotation_id == mine.id)
        .join(second, (second.annotation_id == mine.id) & (second.completion_id > first.completion_id))
        .join(
            their_first, (their_first.annotation_id == theirs.id) & (their_first.completion_id == first.completion_id)
        )
        .join(
            their_second,
            (their_second.annotation_id == theirs.id) & (their_second.completion_id == second.completion_id),
        )
        .where(*counted)
    )
    if since is not None:
        query = query.where(mine.task_id >= since, theirs.task_id >= since)
    strict, alike, tied = session.execute(query).one()
    return Agreement(strict, alike, tied, cut=since is not None)
