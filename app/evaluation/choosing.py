"""Which judgements an evaluation is about, and whose word each of them is."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, User
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.review.conditions import count_kept_out, is_kept_out
from app.campaigns.models import Campaign, CampaignKind
from app.projects.models import Project
from app.prompts.models import Prompt
from app.tasks.models import Purpose, Task

SIMULATED = "simulated"
JUDGE = "judge "  # and the pseudonym: a model's verdicts come as imported annotations that are marked as simulated


@dataclass(frozen=True)
class Chosen:
    """Without a campaign: all evaluations of the project, or all comparisons where it has none.

    `since_task`: what is older stays out (`newest_of`). `excluded`: what reviewers exclude or sent back counts too.
    """

    project: Project
    campaign: Campaign | None = None
    use_case: str | None = None
    cohort: Cohort | None = None
    since_task: int | None = None
    excluded: bool = False


def newest_of(session: Session, chosen: Chosen, tasks: int) -> Chosen:
    """At most so many tasks, the newest that somebody judged; as it was where there are no more."""
    query = judgements(session, chosen).add_columns(Annotation.task_id).distinct()
    newest = query.order_by(Annotation.task_id.desc()).limit(tasks + 1).subquery()
    count, first = session.execute(select(func.count(), func.min(newest.c.task_id))).one()
    return replace(chosen, since_task=int(first) + 1) if count > tasks else chosen


def voice_of_annotation() -> ColumnElement[str]:
    """`held_out`, `training`, `simulated`, or `judge NAME`: never mixed in one figure."""
    return case(
        (Annotation.simulated & (User.origin == Origin.IMPORTED), literal(JUDGE).concat(User.name)),
        (Annotation.simulated, literal(SIMULATED)),
        else_=cast(Annotation.cohort, String),
    )


def judgements(session: Session, chosen: Chosen) -> Select[tuple[()]]:
    """Selects nothing yet: current rankings and ratings of real tasks, with their tasks, prompts and labelers."""
    query = _chosen(session, select().select_from(Annotation), chosen)
    return query if chosen.excluded else query.where(~is_kept_out())


def excluded_in(session: Session, chosen: Chosen) -> int:
    """How many judgements reviewers keep out of what is chosen, whether it counts them or not."""
    return session.scalar(_chosen(session, count_kept_out(), chosen)) or 0


def _chosen(session: Session, query: Select[Any], chosen: Chosen) -> Select[Any]:
    query = (
        query.join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .join(User, User.id == Annotation.labeler_id)
        .where(
            Campaign.project_id == chosen.project.id,
            Annotation.kind.in_([AnnotationKind.RANKING, AnnotationKind.RATING]),
            Annotation.current,
            ~Annotation.surplus,
            Task.purpose == Purpose.REAL,
            Campaign.rule_id.is_(None),
        )
    )
    if chosen.campaign is not None:
        query = query.where(Campaign.id == chosen.campaign.id)
    elif _has_evaluations(session, chosen.project):
        query = query.where(Campaign.kind == CampaignKind.EVALUATE)
    if chosen.use_case is not None:
        query = query.where(func.coalesce(Prompt.use_case, "") == chosen.use_case)
    if chosen.cohort is not None:
        query = query.where(Annotation.cohort == chosen.cohort)
    if chosen.since_task is not None:
        since = chosen.since_task  # of both: PostgreSQL does not conclude the one from the other
        query = query.where(Annotation.task_id >= since, Task.id >= since)
    return query


def _has_evaluations(session: Session, project: Project) -> bool:
    evaluating = (Campaign.project_id == project.id) & (Campaign.kind == CampaignKind.EVALUATE)
    return bool(session.scalar(select(exists().where(evaluating))))
