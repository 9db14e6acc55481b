"""Exports of what is in the database now, without freezing it: PostgreSQL writes each line's JSON, we hand it on.

Rankings and evaluations come in the words of `comparisons.jsonl`, so that whatever reads a dataset reads them too.
"""

import itertools
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.review.conditions import is_kept_out
from app.annotations.review.models import ReviewDecision
from app.campaigns.models import Campaign, CampaignKind
from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.datasets.copying import copied_lines
from app.datasets.filtering import LiveFilter, on_days
from app.datasets.live_screening import screening_results
from app.projects.models import FormVersion, Project
from app.projects.queries import rating_form
from app.projects.ready_made import BREAKS_CONSTRAINT, CONSTRAINT_MARKS
from app.prompts.models import Prompt, Split
from app.tasks.models import Purpose, Task, TaskCompletion

LINES_IN_CHUNK = 32
NO_EVIDENCE = b',"evidence":null}\n'


class LiveKind(StrEnum):
    """`ratings` has a line for each output that somebody judged, ranked ones too; `reviews` one for each decision of a
    reviewer, `screening` one for each attempt at it; the others one an annotation. `comparisons` are without what
    reviewers keep out of datasets."""

    COMPARISONS = "comparisons"
    EVALUATIONS = "evaluations"
    RATINGS = "ratings"
    SKIPS = "skips"
    REVIEWS = "reviews"
    SCREENING = "screening"


def live_chunks(session: Session, project: Project, kind: LiveKind, chosen: LiveFilter) -> Iterator[bytes]:
    """JSON lines by annotation, a few in memory at a time; chunks end where lines end."""
    lines = live_lines(session, project, kind, chosen)
    while chunk := b"".join(itertools.islice(lines, LINES_IN_CHUNK)):
        yield chunk


def live_lines(session: Session, project: Project, kind: LiveKind, chosen: LiveFilter) -> Iterator[bytes]:
    """Current work on real tasks, without what came after its slot was filled. Each line ends in a newline."""
    rows = QUERIES[kind](session, project, chosen).subquery("line")
    query = select(cast(func.row_to_json(rows.table_valued()), Text))
    for line in copied_lines(session, query):
        yield line.removesuffix(NO_EVIDENCE) + b"}\n" if line.endswith(NO_EVIDENCE) else line


def _annotations(project: Project, chosen: LiveFilter, *kinds: AnnotationKind) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [
        Campaign.project_id == project.id,
        Annotation.current.is_(True),
        Annotation.surplus.is_(False),
        Annotation.kind.in_(kinds),
        Task.purpose == Purpose.REAL,
        *on_days(Annotation.created_at, chosen.since, chosen.until),
        *_of_whom(chosen),
    ]
    return (
        select()
        .select_from(Annotation)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(User, User.id == Annotation.labeler_id)
        .where(*conditions)
        .add_columns(
            cast(Annotation.id, String).label("annotation_id"), cast(Annotation.task_id, String).label("task_id")
        )
    )


def _of_whom(chosen: LiveFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if chosen.people != "both":
        conditions.append(Annotation.simulated == (chosen.people == "simulated"))
    if chosen.cohort is not None:
        conditions.append(Annotation.cohort == chosen.cohort)
    if chosen.campaign is not None:
        conditions.append(Campaign.id == chosen.campaign)
    return conditions


def _comparisons(session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    taken = (Campaign.kind != CampaignKind.EVALUATE, ~is_kept_out())
    return _judgements(session, project, chosen).where(*taken).order_by(Annotation.id)


def _evaluations(session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    return _judgements(session, project, chosen).where(Campaign.kind == CampaignKind.EVALUATE).order_by(Annotation.id)


def _judgements(session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    outputs = _outputs(project, _asking_for_constraints(session, project))
    return (
        _annotations(project, chosen, AnnotationKind.RANKING, AnnotationKind.RATING)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .join(FormVersion, FormVersion.id == Annotation.form_version_id)
        .join(outputs, outputs.c.ids.is_not(None))
        .add_columns(
            cast(Prompt.id, String).label("prompt_id"),
            Prompt.messages.label("prompt"),
            outputs.c.ids.label("completion_ids"),
            outputs.c.texts.label("completions"),
            outputs.c.authors,
            case((outputs.c.unranked, null()), else_=outputs.c.ranks).label("ranks"),
            outputs.c.ratings,
            Annotation.prompt_ratings,
            cast(FormVersion.version, String).label("form"),
            *_provenance(),
            case((Annotation.cohort == Cohort.HELD_OUT, literal(Split.TEST.value)), else_=cast(Prompt.split, String))
            .label("split"),
            case((outputs.c.any_evidence, outputs.c.evidence), else_=null()).label("evidence"),
        )
    )  # fmt: skip


def _outputs(project: Project, asking: list[int]) -> Any:
    """Of one annotation, in the task's fixed order: parallel lists."""
    place = and_(TaskCompletion.task_id == Annotation.task_id, TaskCompletion.completion_id == Completion.id)

    def listed(value: Any, name: str) -> ColumnElement[Any]:
        return func.json_agg(aggregate_order_by(value, TaskCompletion.position)).label(name)

    return (
        select(
            listed(cast(Completion.id, String), "ids"),
            listed(Completion.text, "texts"),
            listed(_authors(project), "authors"),
            listed(AnnotatedOutput.rank, "ranks"),
            func.bool_or(AnnotatedOutput.rank.is_(None)).label("unranked"),
            listed(_ratings(asking), "ratings"),
            listed(Completion.evidence, "evidence"),
            func.bool_or(func.jsonb_array_length(Completion.evidence) > 0).label("any_evidence"),
        )
        .select_from(AnnotatedOutput)
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .join(TaskCompletion, place)
        .where(AnnotatedOutput.annotation_id == Annotation.id)
        .correlate(Annotation)
        .lateral("judged")
    )


def _authors(project: Project) -> ColumnElement[Any]:
    """Names of checkpoints in order, people as "human". All names are looked up once, not for each output."""
    number = cast(Checkpoint.id, Text)
    names = select(func.jsonb_object_agg(number, Checkpoint.name)).where(Checkpoint.project_id == project.id)
    of_author = type_coerce(names.scalar_subquery(), JSONB)[cast(CompletionAuthor.checkpoint_id, Text)].astext
    name = func.coalesce(of_author, "human")
    return (
        select(func.coalesce(func.json_agg(aggregate_order_by(name.distinct(), name)), cast(literal("[]", Text), JSON)))
        .select_from(CompletionAuthor)
        .where(CompletionAuthor.completion_id == Completion.id)
        .correlate(Completion)
        .scalar_subquery()
    )


def _ratings(asking: list[int]) -> SQLColumnExpression[Any]:
    """As submitted; with `satisfies_constraint`, null unless the labeler marked the prompt as stating a constraint."""
    if not asking:
        return AnnotatedOutput.ratings
    constrained = or_(false(), *(Annotation.prompt_ratings.contains({mark: True}) for mark in CONSTRAINT_MARKS))
    satisfied = case((constrained, ~AnnotatedOutput.ratings.contains({BREAKS_CONSTRAINT: True})), else_=null())
    added = func.jsonb_build_object("satisfies_constraint", satisfied)
    return case(
        (Annotation.form_version_id.in_(asking), AnnotatedOutput.ratings.op("||", return_type=JSONB())(added)),
        else_=AnnotatedOutput.ratings,
    )


def _asking_for_constraints(session: Session, project: Project) -> list[int]:
    versions = session.scalars(select(FormVersion).where(FormVersion.project_id == project.id))
    return [each.id for each in versions if any(asked.name == BREAKS_CONSTRAINT for asked in rating_form(each).output)]


def _single_ratings(session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    return (
        _annotations(project, chosen, AnnotationKind.RANKING, AnnotationKind.RATING)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .join(FormVersion, FormVersion.id == Annotation.form_version_id)
        .join(AnnotatedOutput, AnnotatedOutput.annotation_id == Annotation.id)
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .add_columns(
            cast(Prompt.id, String).label("prompt_id"),
            Prompt.use_case,
            Campaign.name.label("campaign"),
            cast(Campaign.kind, String).label("campaign_kind"),
            cast(Completion.id, String).label("completion_id"),
            Completion.text.label("completion"),
            _authors(project).label("authors"),
            AnnotatedOutput.rank,
            _ratings(_asking_for_constraints(session, project)).label("ratings"),
            Annotation.prompt_ratings,
            cast(FormVersion.version, String).label("form"),
            *_provenance(),
            Annotation.created_at,
        )
        .order_by(Annotation.id, Completion.id)
    )


def _skips(_session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    return (
        _annotations(project, chosen, AnnotationKind.SKIP)
        .add_columns(
            cast(Task.prompt_id, String).label("prompt_id"),
            Campaign.name.label("campaign"),
            cast(Campaign.kind, String).label("campaign_kind"),
            Annotation.skip_reason.label("reason"),
            *_provenance(),
            Annotation.created_at,
        )
        .order_by(Annotation.id)
    )


def _reviews(_session: Session, project: Project, chosen: LiveFilter) -> Select[Any]:
    """Every decision, those that no longer stand too; days are those of the decision."""
    return (
        select()
        .select_from(ReviewDecision)
        .join(Annotation, Annotation.id == ReviewDecision.annotation_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(User, User.id == Annotation.labeler_id)
        .where(
            Campaign.project_id == project.id,
            *_of_whom(chosen),
            *on_days(ReviewDecision.created_at, chosen.since, chosen.until),
        )
        .add_columns(
            cast(ReviewDecision.id, String).label("decision_id"),
            cast(ReviewDecision.annotation_id, String).label("annotation_id"),
            cast(ReviewDecision.correction_id, String).label("correction_id"),
            cast(Annotation.task_id, String).label("task_id"),
            Campaign.name.label("campaign"),
            cast(ReviewDecision.decision, String).label("decision"),
            cast(ReviewDecision.reason, String).label("reason"),
            ReviewDecision.comment,
            ReviewDecision.answer,
            ReviewDecision.standing,
            literal("reviewer-").concat(cast(ReviewDecision.reviewer_id, String)).label("reviewer"),
            *_provenance()[:3],
            ReviewDecision.created_at,
        )
        .order_by(ReviewDecision.id)
    )


def _provenance() -> tuple[ColumnElement[Any], ...]:
    """Who and how. People stay nameless; imported labelers are pseudonyms already."""
    nameless = literal("labeler-").concat(cast(User.id, String))
    return (
        case((User.origin == Origin.IMPORTED, User.name), else_=nameless).label("labeler"),
        cast(Annotation.cohort, String).label("cohort"),
        Annotation.simulated.label("simulated"),
        Annotation.seconds.label("seconds"),
    )


QUERIES: dict[LiveKind, Callable[[Session, Project, LiveFilter], Select[Any]]] = {
    LiveKind.COMPARISONS: _comparisons,
    LiveKind.EVALUATIONS: _evaluations,
    LiveKind.RATINGS: _single_ratings,
    LiveKind.SKIPS: _skips,
    LiveKind.REVIEWS: _reviews,
    LiveKind.SCREENING: screening_results,
}
