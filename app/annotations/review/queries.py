"""Reads about reviews."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.accounts.models import User
from app.annotations.models import Annotation
from app.annotations.review.models import Decision, ExclusionReason, ReviewDecision
from app.campaigns.models import Campaign
from app.errors import NotFound
from app.projects.models import Project
from app.prompts.models import Prompt
from app.tasks.models import Assignment, Task


@dataclass(frozen=True)
class Decided:
    """A decision with who made it and whose work it is about."""

    decision: ReviewDecision
    reviewer: User
    labeler: User
    campaign: Campaign


@dataclass(frozen=True)
class CameBack:
    """Work that a reviewer sent back and that its labeler has neither revised nor answered for."""

    decision: ReviewDecision
    campaign: Campaign
    prompt: Prompt | None


def reviewable(session: Session, number: int) -> Assignment:
    """By number, an assignment of which anything was submitted. Raises `NotFound`."""
    found = session.get(Assignment, number)
    if found is None or not found.was_sent:
        raise NotFound(what="submission", number=number)
    return found


def annotation(session: Session, number: int) -> Annotation:
    found = session.get(Annotation, number)
    if found is None:
        raise NotFound(what="submission", number=number)
    return found


def decisions_of(session: Session, assignment: Assignment) -> list[tuple[ReviewDecision, User]]:
    """With their reviewers, newest first."""
    query = select(ReviewDecision, User).join(User, User.id == ReviewDecision.reviewer_id)
    rows = session.execute(
        query.where(ReviewDecision.assignment_id == assignment.id).order_by(ReviewDecision.id.desc())
    )
    return [(decision, reviewer) for decision, reviewer in rows]


def came_back_to(session: Session, labeler: User) -> list[CameBack]:
    """Oldest first."""
    query = (
        select(ReviewDecision, Campaign, Prompt)
        .join(Annotation, Annotation.id == ReviewDecision.annotation_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .outerjoin(Prompt, Prompt.id == Task.prompt_id)
        .where(
            ReviewDecision.standing,
            ReviewDecision.decision == Decision.SENT_BACK,
            ReviewDecision.answer.is_(None),
            Annotation.current,
            Annotation.labeler_id == labeler.id,
        )
        .order_by(ReviewDecision.id)
    )
    return [CameBack(*row) for row in session.execute(query)]


def decisions_in(
    session: Session,
    project: Project,
    *,
    decision: Decision | None = None,
    reason: ExclusionReason | None = None,
    standing: bool | None = None,
    before: int | None = None,
    size: int | None = None,
) -> list[Decided]:
    """Newest first; `before` is the number of the last one seen."""
    reviewer, labeler = aliased(User), aliased(User)
    chosen = [
        (decision, ReviewDecision.decision == decision),
        (reason, ReviewDecision.reason == reason),
        (standing, ReviewDecision.standing.is_(standing)),
        (before, ReviewDecision.id < (before or 0)),
    ]
    query = (
        select(ReviewDecision, reviewer, labeler, Campaign)
        .join(reviewer, reviewer.id == ReviewDecision.reviewer_id)
        .join(Annotation, Annotation.id == ReviewDecision.annotation_id)
        .join(labeler, labeler.id == Annotation.labeler_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .where(Campaign.project_id == project.id, *(condition for wish, condition in chosen if wish is not None))
        .order_by(ReviewDecision.id.desc())
        .limit(size)
    )
    return [Decided(*row) for row in session.execute(query)]
