"""How often two labelers agree on the same task (InstructGPT, section 3.4, reports 72.6 % and 77.3 %).

The rule: take every two labelers of a task and every two outputs that both put in a strict order. They agree where the
order is the same. Pairs that either of them tied are left out and counted apart.
"""

from dataclasses import dataclass

from sqlalchemy import CTE, func, select
from sqlalchemy.orm import Session, aliased

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign
from app.quality.agreement.scope import Scope, from_task, joined, oldest_task


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
    """The strict agreement of `/agreement`, counted by the database; `newest_tasks` bounds the work."""
    scope = Scope(campaigns=(campaign.id,), people="both", newest_tasks=newest_tasks)
    since = oldest_task(session, scope)
    rankings = _rankings(scope, since)
    mine, theirs = rankings.alias("mine"), rankings.alias("theirs")
    first, second = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    their_first, their_second = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    my_order = func.sign(first.rank - second.rank)
    their_order = func.sign(their_first.rank - their_second.rank)
    query = (
        select(
            func.count().filter(my_order * their_order != 0),
            func.count().filter(my_order * their_order > 0),
            func.count().filter(my_order * their_order == 0),
        )
        .select_from(mine)
        .join(theirs, (theirs.c.task_id == mine.c.task_id) & (theirs.c.labeler_id > mine.c.labeler_id))
        .join(first, first.annotation_id == mine.c.id)
        .join(second, (second.annotation_id == mine.c.id) & (second.completion_id > first.completion_id))
        .join(
            their_first, (their_first.annotation_id == theirs.c.id) & (their_first.completion_id == first.completion_id)
        )
        .join(
            their_second,
            (their_second.annotation_id == theirs.c.id) & (their_second.completion_id == second.completion_id),
        )
    )
    strict, alike, tied = session.execute(query).one()
    return Agreement(strict, alike, tied, cut=since is not None)


def _rankings(scope: Scope, since: int | None) -> CTE:
    query = joined(select(Annotation.id, Annotation.task_id, Annotation.labeler_id))
    chosen = query.where(*scope.conditions(), Annotation.kind == AnnotationKind.RANKING)
    found: CTE = (chosen if since is None else chosen.where(*from_task(since))).cte("rankings")
    return found
