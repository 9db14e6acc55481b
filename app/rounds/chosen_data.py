"""How much a plan's choice of data holds, counted in the tables as they are now."""

from dataclasses import dataclass

from sqlalchemy import func, select
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

NEWEST_TASKS = 500  # agreement is measured on these, so that the page answers while it is filled in


@dataclass(frozen=True)
class RankedData:
    """Of the split that is learned from. `pairs` were put in an order, `tied` were not; both of outputs with a text."""

    rankings: int
    prompts: int
    pairs: int
    tied: int
    labelers: int
    agreement: Figure | None  # None where there is nothing to agree on


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
    """Pairs are counted by ranks: of k outputs, n of them at a rank, (k² - Σn²) / 2 pairs are in an order."""
    learned = comparisons_taken(plan).model_copy(update={"splits": (Split.TRAIN,)})
    at_a_rank = (
        annotations_of(project, DatasetKind.COMPARISONS, learned)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .add_columns(Annotation.id, Annotation.labeler_id, Prompt.id.label("prompt_id"), func.count().label("outputs"))
        .where(AnnotatedOutput.rank.is_not(None), Completion.text.is_not(None))
        .group_by(Annotation.id, Prompt.id, AnnotatedOutput.rank)
        .subquery()
    )
    ranking = (
        select(
            func.sum(at_a_rank.c.outputs).label("outputs"),
            func.sum(at_a_rank.c.outputs * at_a_rank.c.outputs).label("squares"),
            at_a_rank.c.labeler_id,
            at_a_rank.c.prompt_id,
        )
        .group_by(at_a_rank.c.id, at_a_rank.c.labeler_id, at_a_rank.c.prompt_id)
        .subquery()
    )
    ordered = (ranking.c.outputs * ranking.c.outputs - ranking.c.squares) / 2
    tied = (ranking.c.squares - ranking.c.outputs) / 2
    count, pairs, ties, labelers, prompts = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(ordered), 0),
            func.coalesce(func.sum(tied), 0),
            func.count(ranking.c.labeler_id.distinct()),
            func.count(ranking.c.prompt_id.distinct()),
        )
    ).one()
    return RankedData(count, prompts, int(pairs), int(ties), labelers, _agreement(session, project, plan))


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
