"""How much a plan's choice of data holds, counted in the tables as they are now."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, User
from app.annotations.models import AnnotatedOutput, Annotation
from app.completions.models import Completion
from app.datasets.filtering import DatasetFilter
from app.datasets.models import DatasetKind
from app.datasets.queries import counts_by_split
from app.datasets.rows import annotations_of
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.quality.agreement.coefficients import Figure, figure
from app.quality.agreement.judged import pair_verdicts, rankings_in
from app.quality.agreement.pairs import STRICT_AGREEMENT
from app.quality.agreement.scope import Scope, oldest_task
from app.rounds.choosing import comparisons_taken, demonstrations_taken, prompts_taken
from app.rounds.plan import RoundPlan

NEWEST_RANKINGS = 10_000  # pairs are counted in these, and reckoned from them where there are more
NEWEST_TASKS = 500  # agreement is measured on these, so that the page answers while it is filled in


@dataclass(frozen=True)
class RankedData:
    """Of the split that is learned from. `pairs` were put in an order, `tied` were not; both of outputs with a text.

    Where there are very many rankings, both are `reckoned` from the newest.
    """

    rankings: int
    prompts: int
    pairs: int
    tied: int
    labelers: int
    agreement: Figure | None  # None where there is nothing to agree on
    reckoned: bool = False


@dataclass(frozen=True)
class ChosenData:
    """Rows by split, and who is there to work."""

    demonstrations: dict[Split, int]
    ranked: RankedData
    candidate_prompts: int
    train_prompts: int
    sample_prompts: int
    test_prompts: int
    labelers: int
    held_out_labelers: int


def chosen_data(session: Session, project: Project, plan: RoundPlan) -> ChosenData:
    judging = [Split.TRAIN, Split.VALIDATION]
    return ChosenData(
        demonstrations=counts_by_split(session, project, DatasetKind.DEMONSTRATIONS, demonstrations_taken(plan)),
        ranked=_ranked(session, project, plan),
        candidate_prompts=_prompts(session, project, prompts_taken(plan, judging, plan.candidates)),
        train_prompts=_prompts(session, project, prompts_taken(plan, [Split.TRAIN])),
        sample_prompts=_prompts(session, project, prompts_taken(plan, [Split.TRAIN], plan.samples)),
        test_prompts=_prompts(session, project, prompts_taken(plan, [Split.TEST])),
        labelers=_labelers(session, Cohort.TRAINING),
        held_out_labelers=_labelers(session, Cohort.HELD_OUT),
    )


def _prompts(session: Session, project: Project, chosen: DatasetFilter) -> int:
    found = sum(counts_by_split(session, project, DatasetKind.PROMPTS, chosen).values())
    return min(found, chosen.at_most) if chosen.at_most else found


def _labelers(session: Session, cohort: Cohort) -> int:
    """Who can sign in and work."""
    query = select(func.count()).where(User.cohort == cohort, User.active, User.origin != Origin.IMPORTED)
    return session.scalar(query) or 0


def _ranked(session: Session, project: Project, plan: RoundPlan) -> RankedData:
    learned = comparisons_taken(plan).model_copy(update={"splits": (Split.TRAIN,)})
    chosen = annotations_of(project, DatasetKind.COMPARISONS, learned)
    rankings, prompts, labelers = session.execute(
        chosen.add_columns(func.count(), func.count(Prompt.id.distinct()), func.count(Annotation.labeler_id.distinct()))
    ).one()
    pairs, tied = _pairs(session, chosen)
    scale = max(1.0, rankings / NEWEST_RANKINGS)
    agreement = _agreement(session, project, plan)
    return RankedData(rankings, prompts, round(pairs * scale), round(tied * scale), labelers, agreement, scale > 1)


def _pairs(session: Session, chosen: Select[Any]) -> tuple[int, int]:
    """In an order and tied, of the newest rankings: with k outputs, n of them at a rank, (k² - Σn²) / 2 are ordered."""
    newest = chosen.add_columns(Annotation.id).order_by(Annotation.id.desc()).limit(NEWEST_RANKINGS).subquery()
    at_a_rank = (
        select(AnnotatedOutput.annotation_id, func.count().label("outputs"))
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .where(AnnotatedOutput.annotation_id.in_(select(newest.c.id)))
        .where(AnnotatedOutput.rank.is_not(None), Completion.text.is_not(None))
        .group_by(AnnotatedOutput.annotation_id, AnnotatedOutput.rank)
        .subquery()
    )
    ranking = (
        select(
            func.sum(at_a_rank.c.outputs).label("outputs"),
            func.sum(at_a_rank.c.outputs * at_a_rank.c.outputs).label("squares"),
        )
        .group_by(at_a_rank.c.annotation_id)
        .subquery()
    )
    ordered = (ranking.c.outputs * ranking.c.outputs - ranking.c.squares) / 2
    tied = (ranking.c.squares - ranking.c.outputs) / 2
    of_all = select(func.coalesce(func.sum(ordered), 0), func.coalesce(func.sum(tied), 0))
    pairs, ties = session.execute(of_all).one()
    return int(pairs), int(ties)


def _agreement(session: Session, project: Project, plan: RoundPlan) -> Figure | None:
    """Of the chosen campaigns' newest tasks, on whatever day: pairs that both labelers put in an order."""
    scope = Scope(
        project=project.id,
        campaigns=plan.comparisons.campaigns,
        cohort=Cohort.TRAINING,
        people=plan.people,
        newest_tasks=NEWEST_TASKS,
    )
    rankings = rankings_in(session, scope, oldest_task(session, scope))
    if not rankings:
        return None
    said = pair_verdicts(rankings)
    return figure(STRICT_AGREEMENT, said.counts, said.item_clusters)
