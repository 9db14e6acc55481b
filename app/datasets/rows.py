"""The rows of a dataset, read with a server-side cursor and said in the words of the file formats."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, String, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.datasets.filtering import DatasetFilter, annotations_taken, prompts_taken
from app.datasets.models import DatasetKind
from app.projects.models import FormVersion, Project
from app.projects.queries import rating_form
from app.projects.ready_made import BREAKS_CONSTRAINT, CONSTRAINT_MARKS
from app.prompts.models import Prompt, Split
from app.tasks.models import Task, TaskCompletion
from trainer.records import Comparison, Demonstration, Message, PromptRecord

FETCHED_AT_ONCE = 500
KINDS = {
    DatasetKind.DEMONSTRATIONS: [AnnotationKind.DEMONSTRATION],
    DatasetKind.COMPARISONS: [AnnotationKind.RANKING, AnnotationKind.RATING],
}

Record = Demonstration | Comparison | PromptRecord


@dataclass(frozen=True)
class TakenRow:
    """A row of the file and the annotation that it came from; prompts come from none."""

    record: Record
    annotation_id: int | None = None


def rows_of(session: Session, project: Project, kind: DatasetKind, chosen: DatasetFilter) -> Iterator[TakenRow]:
    """In a fixed order: annotations by number, prompts by digest (so that `at_most` draws evenly from all)."""
    if kind is DatasetKind.DEMONSTRATIONS:
        return _demonstrations(session, project, chosen)
    if kind is DatasetKind.COMPARISONS:
        return _comparisons(session, project, chosen)
    return _prompts(session, project, chosen)


def annotations_of(project: Project, kind: DatasetKind, chosen: DatasetFilter) -> Select[Any]:
    """Selects nothing yet; add columns of annotations, tasks, campaigns, prompts and users."""
    return (
        select()
        .select_from(Annotation)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .join(User, User.id == Annotation.labeler_id)
        .where(Annotation.kind.in_(KINDS[kind]), *annotations_taken(project, chosen))
    )


def _fetched(session: Session, query: Select[Any], chosen: DatasetFilter) -> Iterator[Row[Any]]:
    yield from session.execute(query.limit(chosen.at_most), execution_options={"yield_per": FETCHED_AT_ONCE})


def _prompts(session: Session, project: Project, chosen: DatasetFilter) -> Iterator[TakenRow]:
    query = select(Prompt.id, Prompt.messages, Prompt.split).where(*prompts_taken(project, chosen))
    order = func.md5(func.concat(chosen.drawn_by, Prompt.digest)) if chosen.drawn_by else Prompt.digest
    for row in _fetched(session, query.order_by(order), chosen):
        yield TakenRow(PromptRecord(str(row.id), _messages(row.messages), row.split.value))


_COMMON = (
    Annotation.id.label("annotation_id"),
    Annotation.labeler_id,
    Annotation.cohort,
    Annotation.simulated,
    Annotation.seconds,
    User.name.label("labeler_name"),
    User.origin,
    Prompt.id.label("prompt_id"),
    Prompt.messages,
    Prompt.split,
)


def _demonstrations(session: Session, project: Project, chosen: DatasetFilter) -> Iterator[TakenRow]:
    query = (
        annotations_of(project, DatasetKind.DEMONSTRATIONS, chosen)
        .join(Completion, Completion.id == Annotation.completion_id)
        .add_columns(*_COMMON, Completion.text)
        .where(Completion.text.is_not(None))
        .order_by(Annotation.id)
    )
    for row in _fetched(session, query, chosen):
        record = Demonstration(
            annotation_id=str(row.annotation_id),
            prompt_id=str(row.prompt_id),
            prompt=_messages(row.messages),
            completion=row.text,
            **_provenance(row),
        )
        yield TakenRow(record, row.annotation_id)


def _comparisons(session: Session, project: Project, chosen: DatasetFilter) -> Iterator[TakenRow]:
    forms = _forms(session, project)
    outputs = _judged_outputs()
    query = (
        annotations_of(project, DatasetKind.COMPARISONS, chosen)
        .join(outputs, outputs.c.annotation_id == Annotation.id)
        .add_columns(*_COMMON, Task.id.label("task_id"), Annotation.form_version_id, Annotation.prompt_ratings)
        .add_columns(outputs.c.outputs)
        .order_by(Annotation.id)
    )
    for row in _fetched(session, query, chosen):
        yield TakenRow(_comparison(row, forms[row.form_version_id]), row.annotation_id)


def _comparison(row: Row[Any], form: "_Form") -> Comparison:
    outputs = row.outputs
    ranks = [output["rank"] for output in outputs]
    return Comparison(
        annotation_id=str(row.annotation_id),
        task_id=str(row.task_id),
        prompt_id=str(row.prompt_id),
        prompt=_messages(row.messages),
        completion_ids=tuple(str(output["id"]) for output in outputs),
        completions=tuple(output["text"] for output in outputs),
        authors=tuple(tuple(output["authors"] or ()) for output in outputs),
        ranks=None if None in ranks else tuple(ranks),
        ratings=tuple(_exported_ratings(output["ratings"], row.prompt_ratings, form) for output in outputs),
        prompt_ratings=row.prompt_ratings,
        form=form.version,
        evidence=_evidence(outputs),
        **_provenance(row),
    )


def _evidence(outputs: list[dict[str, Any]]) -> tuple[tuple[dict[str, Any], ...], ...] | None:
    found = tuple(tuple(output["evidence"]) for output in outputs)
    return found if any(found) else None


@dataclass(frozen=True)
class _Form:
    version: str
    asks_for_constraints: bool


def _forms(session: Session, project: Project) -> dict[int, _Form]:
    versions = session.scalars(select(FormVersion).where(FormVersion.project_id == project.id))
    return {
        each.id: _Form(str(each.version), any(asked.name == BREAKS_CONSTRAINT for asked in rating_form(each).output))
        for each in versions
    }


def _exported_ratings(ratings: Mapping[str, Any], prompt_ratings: Mapping[str, Any], form: _Form) -> dict[str, Any]:
    """As submitted; with `satisfies_constraint`, null unless the labeler marked the prompt as stating a constraint."""
    if not form.asks_for_constraints:
        return dict(ratings)
    constrained = any(prompt_ratings.get(mark) for mark in CONSTRAINT_MARKS)
    return {**ratings, "satisfies_constraint": not ratings.get(BREAKS_CONSTRAINT) if constrained else None}


def _judged_outputs() -> Any:
    """Per annotation, a JSON list of its outputs in the task's fixed order."""
    name = func.coalesce(Checkpoint.name, "human")
    authors = (
        select(func.jsonb_agg(aggregate_order_by(name.distinct(), name)))
        .select_from(CompletionAuthor)
        .outerjoin(Checkpoint, Checkpoint.id == CompletionAuthor.checkpoint_id)
        .where(CompletionAuthor.completion_id == Completion.id)
        .correlate(Completion)
        .scalar_subquery()
    )
    output = func.jsonb_build_object(
        *("id", cast(Completion.id, String), "text", Completion.text, "authors", authors),
        *("rank", AnnotatedOutput.rank, "ratings", AnnotatedOutput.ratings, "evidence", Completion.evidence),
    )
    place = (TaskCompletion.task_id == Annotation.task_id) & (
        TaskCompletion.completion_id == AnnotatedOutput.completion_id
    )
    return (
        select(
            AnnotatedOutput.annotation_id,
            func.jsonb_agg(aggregate_order_by(output, TaskCompletion.position)).label("outputs"),
        )
        .join(Completion, Completion.id == AnnotatedOutput.completion_id)
        .join(TaskCompletion, place)
        .where(AnnotatedOutput.annotation_id == Annotation.id)
        .group_by(AnnotatedOutput.annotation_id)
        .correlate(Annotation)
        .lateral("judged")
    )


def _messages(messages: list[dict[str, Any]]) -> tuple[Message, ...]:
    return tuple(Message(message["role"], message["content"]) for message in messages)


def _provenance(row: Row[Any]) -> dict[str, Any]:
    """Who and how. People stay nameless; what held-out labelers wrote can only ever be a test."""
    held_out = row.cohort is Cohort.HELD_OUT
    return {
        "labeler": row.labeler_name if row.origin is Origin.IMPORTED else f"labeler-{row.labeler_id}",
        "cohort": row.cohort.value,
        "simulated": row.simulated,
        "seconds": row.seconds,
        "split": (Split.TEST if held_out else row.split).value,
    }
