"""Deciding about submitted work: approved, corrected, sent back to its labeler, excluded from datasets, restored.

The last decision about an assignment stands; earlier ones are kept. Whoever decides about a revision that is not
current any more is told to look again.
"""

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Origin, Role, User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.review.models import Decision, ExclusionReason, ReviewDecision
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.campaigns.service import CampaignClosed
from app.completions.service import add_completion
from app.errors import DomainError, InvalidInput, message
from app.prompts.models import Prompt
from app.tasks.drafts import end_draft
from app.tasks.locks import lock_assignment
from app.tasks.models import Assignment, Task

LONGEST_COMMENT = 2_000


class RevisedMeanwhile(DomainError):
    sentence = message("This was revised since you opened it. Here is what it says now; please decide again.")


class NotForReview(DomainError):
    sentence = message("Skipped and surplus work is not reviewed.")


class CommentMissing(InvalidInput):
    sentence = message("Say in a few words what the labeler should look at.")


class ReasonUnexplained(InvalidInput):
    sentence = message("Say in a few words why, since the reason is none of the list.")


class NobodyToAnswer(DomainError):
    sentence = message("Its labeler does not work here any more, so nobody would answer. Correct or exclude it.")


class NotExcluded(DomainError):
    sentence = message("This is not excluded, so there is nothing to restore.")


class EvaluationStands(DomainError):
    sentence = message("An evaluation is what held-out labelers say. Send it back or exclude it; it is not corrected.")


class NotCorrectable(DomainError):
    sentence = message("A written prompt is its author's. Send it back or exclude it.")


class NothingToAnswer(DomainError):
    sentence = message("This has been answered, or a reviewer has decided about it again.")


class AnswerMissing(InvalidInput):
    sentence = message("Say in a sentence why it should stay as it is.")


def approve(session: Session, reviewer: User, annotation: Annotation, comment: str = "") -> ReviewDecision:
    _take_up(session, annotation)
    return _decide(session, reviewer, annotation, Decision.APPROVED, comment)


def exclude(
    session: Session, reviewer: User, annotation: Annotation, reason: ExclusionReason, comment: str = ""
) -> ReviewDecision:
    """From every dataset frozen from now on, this revision and later ones. Raises `ReasonUnexplained`."""
    _take_up(session, annotation)
    if reason is ExclusionReason.OTHER and not comment.strip():
        raise ReasonUnexplained
    return _decide(session, reviewer, annotation, Decision.EXCLUDED, comment, reason=reason)


def restore(session: Session, reviewer: User, annotation: Annotation, comment: str = "") -> ReviewDecision:
    """Raises `NotExcluded`."""
    assignment = _take_up(session, annotation)
    standing = standing_decision(session, assignment)
    if standing is None or standing.decision is not Decision.EXCLUDED:
        raise NotExcluded
    return _decide(session, reviewer, annotation, Decision.RESTORED, comment)


def send_back(session: Session, reviewer: User, annotation: Annotation, comment: str) -> ReviewDecision:
    """To its labeler, who revises it or stands by it. Raises `CommentMissing`, `CampaignClosed`, `NobodyToAnswer`."""
    _take_up(session, annotation)
    if not comment.strip():
        raise CommentMissing
    campaign = _campaign_of(session, annotation)
    if campaign.state is CampaignState.CLOSED and not campaign.imported:
        raise CampaignClosed(name=campaign.name)
    labeler = session.get_one(User, annotation.labeler_id)
    if labeler.origin is Origin.IMPORTED or labeler.role is not Role.LABELER or not labeler.active:
        raise NobodyToAnswer
    return _decide(session, reviewer, annotation, Decision.SENT_BACK, comment)


def correct_judgement(
    session: Session, reviewer: User, annotation: Annotation, judgement: Judgement, key: str, comment: str = ""
) -> ReviewDecision:
    """Ranks and ratings in the order in which the labeler saw the outputs. Raises `EvaluationStands`."""
    if earlier := _sent_before(session, annotation, key):
        return earlier
    assignment = _take_up(session, annotation)
    correction = _correct(session, reviewer, annotation, key, prompt_ratings=judgement.prompt_ratings)
    add_judged_outputs(session, correction, assignment.shown_order, judgement)
    return _decide(session, reviewer, annotation, Decision.CORRECTED, comment, correction_id=correction.id)


def correct_demonstration(
    session: Session, reviewer: User, annotation: Annotation, written: Demonstration, key: str, comment: str = ""
) -> ReviewDecision:
    """The text becomes a completion whose author is the reviewer."""
    if earlier := _sent_before(session, annotation, key):
        return earlier
    _take_up(session, annotation)
    prompt = session.get_one(Prompt, session.get_one(Task, annotation.task_id).prompt_id)
    text = add_completion(session, prompt, written.text, user=reviewer)
    correction = _correct(
        session, reviewer, annotation, key, completion_id=text.id, prompt_ratings=written.prompt_ratings
    )
    return _decide(session, reviewer, annotation, Decision.CORRECTED, comment, correction_id=correction.id)


def stand_by(session: Session, labeler: User, assignment: Assignment, answer: str) -> ReviewDecision:
    """The labeler's answer to what came back, which waits for review again. Raises `AnswerMissing`,
    `NothingToAnswer`."""
    if not answer.strip():
        raise AnswerMissing
    lock_assignment(session, assignment)
    decision = standing_decision(session, assignment)
    if (
        decision is None
        or assignment.labeler_id != labeler.id
        or decision.decision is not Decision.SENT_BACK
        or decision.answer is not None
        or not session.get_one(Annotation, decision.annotation_id).current
    ):
        raise NothingToAnswer
    decision.answer, decision.answered_at = answer.strip()[:LONGEST_COMMENT], clock.now()
    session.flush()
    return decision


def standing_decision(session: Session, assignment: Assignment) -> ReviewDecision | None:
    query = select(ReviewDecision).where(ReviewDecision.assignment_id == assignment.id, ReviewDecision.standing)
    return session.scalar(query.execution_options(populate_existing=True))


def add_judged_outputs(session: Session, annotation: Annotation, shown: list[int], judgement: Judgement) -> None:
    """`shown`: completion numbers in the order of the judgement."""
    rows = [
        {"annotation_id": annotation.id, "completion_id": number, "rank": rank, "ratings": ratings}
        for number, rank, ratings in zip(shown, judgement.ranks, judgement.ratings, strict=True)
    ]
    session.execute(insert(AnnotatedOutput), rows)


def _take_up(session: Session, annotation: Annotation) -> Assignment:
    """Its assignment, locked. Raises `RevisedMeanwhile`, `NotForReview`."""
    assignment = session.get_one(Assignment, annotation.assignment_id)
    lock_assignment(session, assignment)
    session.refresh(annotation)
    if not annotation.current:
        raise RevisedMeanwhile
    if annotation.kind is AnnotationKind.SKIP or annotation.surplus:
        raise NotForReview
    return assignment


def _sent_before(session: Session, annotation: Annotation, key: str) -> ReviewDecision | None:
    """The decision that this very page already made: a double click waits for the lock and then finds it here."""
    lock_assignment(session, session.get_one(Assignment, annotation.assignment_id))
    made = (Annotation.assignment_id == annotation.assignment_id, Annotation.idempotency_key == key)
    query = select(ReviewDecision).join(Annotation, Annotation.id == ReviewDecision.correction_id)
    return session.scalar(query.where(*made))


def _campaign_of(session: Session, annotation: Annotation) -> Campaign:
    query = select(Campaign).join(Task, Task.campaign_id == Campaign.id).where(Task.id == annotation.task_id)
    return session.scalars(query).one()


def _correct(session: Session, reviewer: User, former: Annotation, key: str, **values: Any) -> Annotation:
    """A revision in the labeler's name that says who made it.

    It keeps the stamps of what it corrects, whatever the labeler is today: what began held out or simulated stays so.
    """
    if _campaign_of(session, former).kind is CampaignKind.EVALUATE:
        raise EvaluationStands
    if former.kind is AnnotationKind.PROMPT:
        raise NotCorrectable
    former.current = False
    end_draft(session.get_one(Assignment, former.assignment_id))
    session.flush()
    correction = Annotation(
        assignment_id=former.assignment_id,
        task_id=former.task_id,
        labeler_id=former.labeler_id,
        reviewer_id=reviewer.id,
        kind=former.kind,
        revision=former.revision + 1,
        supersedes_id=former.id,
        current=True,
        surplus=False,
        cohort=former.cohort,
        simulated=former.simulated or reviewer.simulated,
        form_version_id=former.form_version_id,
        idempotency_key=key,
        seconds=former.seconds,
        **values,
    )
    session.add(correction)
    session.flush()
    return correction


def _decide(
    session: Session, reviewer: User, annotation: Annotation, decision: Decision, comment: str, **values: Any
) -> ReviewDecision:
    """The same said twice in a row is said once."""
    earlier = (ReviewDecision.assignment_id == annotation.assignment_id, ReviewDecision.standing)
    said = {
        "annotation_id": annotation.id,
        "reviewer_id": reviewer.id,
        "decision": decision,
        "comment": comment.strip()[:LONGEST_COMMENT],
        **values,
    }
    if same := session.scalar(
        select(ReviewDecision).where(*earlier, ReviewDecision.answer.is_(None)).filter_by(**said)
    ):
        return same
    session.execute(update(ReviewDecision).where(*earlier).values(standing=False))
    decided = ReviewDecision(assignment_id=annotation.assignment_id, standing=True, **said)
    session.add(decided)
    session.flush()
    return decided
