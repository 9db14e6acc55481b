"""Submitting work. The first submission fills the slot; a later one on the same assignment is a revision.

Nothing is overwritten, and the same idempotency key never makes a second annotation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Insert, bindparam, column, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignState
from app.campaigns.service import CampaignClosed
from app.completions.service import add_completion
from app.db import Base
from app.errors import DomainError, InvalidInput, message
from app.projects.models import Project, Rule
from app.prompts.models import Prompt, Split
from app.prompts.service import add_written_prompt, use_only
from app.prompts.writing import WrittenPrompt
from app.tasks.drafts import Window, discard_draft, end_draft
from app.tasks.leasing import finish_lease, give_up_lease, take_up_skipped
from app.tasks.locks import lock_assignment
from app.tasks.models import Assignment, AssignmentState, Task

LONGEST_REASON = 2_000


class AlreadySkipped(DomainError):
    sentence = message("You skipped this task; it has gone to somebody else.")


class SkippedElsewhere(DomainError):
    sentence = message(
        "You skipped this task in another window. What you wrote is still here: send it again to take the skip back."
    )


class WrittenElsewhere(DomainError):
    sentence = message(
        "This task was saved or submitted in another window since this page was opened, so this is not sent yet. "
        "Look through it and send it again; it then counts instead of the other."
    )


class AlreadySubmitted(DomainError):
    sentence = message("You have submitted this task; it cannot be skipped any more.")


class PromptThereAlready(DomainError):
    sentence = message(
        "This project has a prompt with exactly these words already. What you wrote is still here: change it a little."
    )


class ReasonMissing(InvalidInput):
    sentence = message("Say in a few words why you skip this task.")


@dataclass(frozen=True)
class Sent:
    """What comes with every submission: the key of the page it was sent from, the active time it counted, and what
    it knows of other windows, where it says so."""

    idempotency_key: str
    active_seconds: float = 0.0
    window: Window | None = None


def submit_ranking(session: Session, assignment: Assignment, judgement: Judgement, sent: Sent) -> Annotation:
    """Ranks and ratings of all outputs, in shown order."""
    return _submit_judgement(session, assignment, AnnotationKind.RANKING, judgement, sent)


def submit_rating(session: Session, assignment: Assignment, judgement: Judgement, sent: Sent) -> Annotation:
    return _submit_judgement(session, assignment, AnnotationKind.RATING, judgement, sent)


def submit_demonstration(
    session: Session, assignment: Assignment, demonstration: Demonstration, sent: Sent
) -> Annotation:
    """The text becomes a completion whose author is the labeler."""
    if earlier := _sent_before(session, assignment, sent):
        return earlier
    task = session.get_one(Task, assignment.task_id)
    labeler = session.get_one(User, assignment.labeler_id)
    completion = add_completion(session, session.get_one(Prompt, task.prompt_id), demonstration.text, user=labeler)
    return _annotate(
        session,
        assignment,
        sent,
        kind=AnnotationKind.DEMONSTRATION,
        completion_id=completion.id,
        prompt_ratings=demonstration.prompt_ratings,
    )


def submit_prompt(session: Session, assignment: Assignment, written: WrittenPrompt, sent: Sent) -> Annotation:
    """The text becomes a prompt whose author is the labeler; an attack names its campaign's rule.

    A revision is a prompt of its own, and the one before stays but is not in use any more. What held-out labelers
    write can only ever be a test. Raises `PromptThereAlready` for an exact duplicate of somebody else's.
    """
    if earlier := _sent_before(session, assignment, sent):
        return earlier
    labeler = session.get_one(User, assignment.labeler_id)
    versions = _prompts_written(session, assignment)
    split = Split.TEST if labeler.cohort is Cohort.HELD_OUT or _was_held_out(session, assignment) else None
    project, rule = _project_and_rule(session, assignment)
    prompt, created = add_written_prompt(session, project, written, labeler, rule=rule, split=split)
    if not created and prompt.id not in versions:
        raise PromptThereAlready
    prompt.use_case = written.use_case  # of a revision with the same words
    ratings = {"use_case": written.use_case} if written.use_case else {}
    annotation = _annotate(
        session, assignment, sent, kind=AnnotationKind.PROMPT, prompt_id=prompt.id, prompt_ratings=ratings
    )
    use_only(session, versions | {prompt.id}, None if annotation.surplus else prompt)
    return annotation


def _prompts_written(session: Session, assignment: Assignment) -> set[int]:
    """By number, every version of the assignment's prompt."""
    query = select(Annotation.prompt_id).where(Annotation.assignment_id == assignment.id)
    return {number for number in session.scalars(query) if number is not None}


def _was_held_out(session: Session, assignment: Assignment) -> bool:
    """Whether any version of it was made by a held-out labeler."""
    made = (Annotation.assignment_id == assignment.id, Annotation.cohort == Cohort.HELD_OUT)
    return assignment.was_sent and session.scalar(select(Annotation.id).where(*made).limit(1)) is not None


def _project_and_rule(session: Session, assignment: Assignment) -> tuple[Project, Rule | None]:
    query = (
        select(Project, Rule)
        .join(Campaign, Campaign.project_id == Project.id)
        .join(Task, Task.campaign_id == Campaign.id)
        .outerjoin(Rule, Rule.id == Campaign.rule_id)
        .where(Task.id == assignment.task_id)
    )
    project, rule = session.execute(query).one()
    return project, rule


def skip(session: Session, assignment: Assignment, reason: str, sent: Sent) -> Annotation:
    """Give the slot back and say why; what was typed stays. Raises `ReasonMissing`, `AlreadySubmitted`,
    `AlreadySkipped`."""
    if earlier := _sent_before(session, assignment, sent):
        return earlier
    if assignment.state is AssignmentState.SKIPPED:
        raise AlreadySkipped
    if not reason.strip():
        raise ReasonMissing
    if assignment.state is AssignmentState.SUBMITTED:
        raise AlreadySubmitted
    give_up_lease(session, assignment)
    end_draft(assignment)
    return _store(
        session, assignment, sent, kind=AnnotationKind.SKIP, skip_reason=reason.strip()[:LONGEST_REASON], surplus=False
    )


def _submit_judgement(
    session: Session, assignment: Assignment, kind: AnnotationKind, judgement: Judgement, sent: Sent
) -> Annotation:
    if earlier := _sent_before(session, assignment, sent):
        return earlier
    annotation = _annotate(session, assignment, sent, kind=kind, prompt_ratings=judgement.prompt_ratings)
    _store_outputs(session, annotation, assignment.shown_order, judgement)
    return annotation


def _store_outputs(session: Session, annotation: Annotation, shown: Sequence[int], judgement: Judgement) -> None:
    judged = [
        {"completion_id": completion_id, "rank": rank, "ratings": ratings}
        for completion_id, rank, ratings in zip(shown, judgement.ranks, judgement.ratings, strict=True)
    ]
    session.execute(_outputs(), {"annotation": annotation.id, "judged": judged})


@cache
def _outputs() -> Insert:
    """All of an annotation in one statement with one value, which costs half of one for each output."""
    columns = column("completion_id", BigInteger), column("rank", BigInteger), column("ratings", JSONB)
    sent = func.jsonb_to_recordset(bindparam("judged", type_=JSONB)).table_valued(*columns)
    judged = sent.render_derived("judged", with_types=True)
    rows = select(bindparam("annotation", type_=BigInteger), *judged.c)
    table = Base.metadata.tables[AnnotatedOutput.__tablename__]
    return insert(table).from_select(["annotation_id", *judged.c.keys()], rows)


def _sent_before(session: Session, assignment: Assignment, sent: Sent) -> Annotation | None:
    """The annotation that this very page already made: a double click waits for the lock and then finds it here."""
    lock_assignment(session, assignment)
    if not assignment.was_sent:
        return None
    query = select(Annotation).where(
        Annotation.assignment_id == assignment.id, Annotation.idempotency_key == sent.idempotency_key
    )
    return session.scalar(query)


def _annotate(session: Session, assignment: Assignment, sent: Sent, **values: Any) -> Annotation:
    _refuse_unknowing(assignment, sent.window)
    current = current_annotation(session, assignment)
    discard_draft(assignment)
    if current is None:
        return _store(session, assignment, sent, surplus=not finish_lease(session, assignment), **values)
    if current.kind is AnnotationKind.SKIP:
        return _take_skip_back(session, assignment, current, sent, **values)
    return _supersede(session, assignment, current, sent, **values)


def _refuse_unknowing(assignment: Assignment, window: Window | None) -> None:
    """A page that was opened before another window acted must show that first. Raises `SkippedElsewhere`,
    `WrittenElsewhere`, and `AlreadySkipped` where the sender names no window."""
    skipped = assignment.state is AssignmentState.SKIPPED
    if window is None and skipped:
        raise AlreadySkipped
    if window is None or window.knows_latest(assignment):
        return
    raise SkippedElsewhere if skipped else WrittenElsewhere


def _take_skip_back(
    session: Session, assignment: Assignment, skipped: Annotation, sent: Sent, **values: Any
) -> Annotation:
    """The slot was given away: the work fills it where it is still free, else it is surplus."""
    take_up_skipped(session, assignment)
    surplus = not finish_lease(session, assignment)
    return _replace(session, assignment, skipped, sent, surplus=surplus, **values)


def _supersede(session: Session, assignment: Assignment, current: Annotation, sent: Sent, **values: Any) -> Annotation:
    """A revision. Raises `CampaignClosed`: what a closed campaign holds stays as it is."""
    campaign = session.scalars(
        select(Campaign).join(Task, Task.campaign_id == Campaign.id).where(Task.id == assignment.task_id)
    ).one()
    if campaign.state is CampaignState.CLOSED:
        raise CampaignClosed(name=campaign.name)
    return _replace(session, assignment, current, sent, surplus=current.surplus, **values)


def _replace(session: Session, assignment: Assignment, former: Annotation, sent: Sent, **values: Any) -> Annotation:
    former.current = False
    session.flush()
    stamps = _inherited(former)
    return _store(session, assignment, sent, revision=former.revision + 1, supersedes_id=former.id, **stamps, **values)


def _inherited(former: Annotation) -> dict[str, Any]:
    """What was made held out or by a simulated labeler stays so when it is revised after they were moved."""
    cohort = {"cohort": Cohort.HELD_OUT} if former.cohort is Cohort.HELD_OUT else {}
    return cohort | ({"simulated": True} if former.simulated else {})


def current_annotation(session: Session, assignment: Assignment) -> Annotation | None:
    if not assignment.was_sent:
        return None
    return session.scalar(select(Annotation).where(Annotation.assignment_id == assignment.id, Annotation.current))


def _store(session: Session, assignment: Assignment, sent: Sent, **values: Any) -> Annotation:
    """Cohort and simulated as they are today, so that moving a person later leaks nothing. The assignment is locked."""
    assignment.active_seconds = max(assignment.active_seconds, sent.active_seconds)
    labeler = session.get_one(User, assignment.labeler_id)
    campaign = session.get_one(Campaign, session.get_one(Task, assignment.task_id).campaign_id)
    annotation = Annotation(
        assignment_id=assignment.id,
        task_id=assignment.task_id,
        labeler_id=labeler.id,
        form_version_id=campaign.form_version_id,
        idempotency_key=sent.idempotency_key,
        seconds=assignment.active_seconds,
        current=True,
        **{"cohort": labeler.cohort, "simulated": labeler.simulated, "revision": 1, "prompt_ratings": {}, **values},
    )
    session.add(annotation)
    session.flush()
    return annotation
