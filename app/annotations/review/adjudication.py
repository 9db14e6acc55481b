"""Adjudicating a task: of all that was said of it, one ranking is preferred, or the adjudicator's own."""

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Cohort, User
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.review.decisions import LONGEST_COMMENT, RevisedMeanwhile, add_judged_outputs
from app.annotations.review.models import Adjudication
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.errors import DomainError, message
from app.tasks.models import Assignment, AssignmentState, Task, TaskCompletion

JUDGED = (AnnotationKind.RANKING, AnnotationKind.RATING)


class NotOfThisTask(DomainError):
    sentence = message("That is no ranking of this task.")


class OwnTask(DomainError):
    sentence = message("You answered this task as a labeler. Let somebody else adjudicate it.")


class NothingToAdjudicate(DomainError):
    sentence = message("Nobody has judged the outputs of this task yet.")


def prefer(session: Session, adjudicator: User, task: Task, annotation: Annotation, comment: str = "") -> Adjudication:
    """Raises `NotOfThisTask`, `RevisedMeanwhile`, `OwnTask`."""
    _take_up(session, adjudicator, task)
    if annotation.task_id != task.id or annotation.kind not in JUDGED or annotation.surplus:
        raise NotOfThisTask
    session.refresh(annotation)
    if not annotation.current:
        raise RevisedMeanwhile
    return _adjudicate(session, adjudicator, task, annotation, comment)


def rank_anew(
    session: Session, adjudicator: User, task: Task, judgement: Judgement, key: str, comment: str = ""
) -> Adjudication:
    """The adjudicator's own ranking, in the task's order of outputs; once more is a revision of it.

    It is kept as surplus. Stamped held out or simulated where anything that the adjudicator had before them was.
    """
    _take_up(session, adjudicator, task)
    own = _own_annotation(session, adjudicator, task)
    if own is not None and own.idempotency_key == key:
        return session.scalars(_standing(task)).one()
    annotation = _ranked(session, adjudicator, task, own, key)
    add_judged_outputs(session, annotation, _outputs(session, task), judgement)
    return _adjudicate(session, adjudicator, task, annotation, comment)


def standing_adjudication(session: Session, task: Task) -> Adjudication | None:
    """None too where what was preferred has been revised since."""
    query = _standing(task).join(Annotation, Annotation.id == Adjudication.annotation_id)
    return session.scalar(query.where(Annotation.current))


def _standing(task: Task) -> Select[Adjudication]:
    return select(Adjudication).where(Adjudication.task_id == task.id, Adjudication.standing)


def _take_up(session: Session, adjudicator: User, task: Task) -> None:
    """Locks the task: one adjudication at a time."""
    session.refresh(task, with_for_update=True)
    labelled = (Annotation.task_id == task.id, Annotation.labeler_id == adjudicator.id)
    if session.scalar(select(Annotation.id).where(*labelled, Annotation.reviewer_id.is_(None)).limit(1)):
        raise OwnTask


def _own_annotation(session: Session, adjudicator: User, task: Task) -> Annotation | None:
    mine = (Annotation.task_id == task.id, Annotation.labeler_id == adjudicator.id, Annotation.current)
    return session.scalar(select(Annotation).where(*mine))


def _ranked(session: Session, adjudicator: User, task: Task, former: Annotation | None, key: str) -> Annotation:
    campaign = session.get_one(Campaign, task.campaign_id)
    cohort, simulated, form = _stamps(session, task, campaign)
    revision: dict[str, int] = {}
    if former is not None:
        former.current = False
        session.flush()
        revision = {"revision": former.revision + 1, "supersedes_id": former.id}
    assignment_id = former.assignment_id if former else _assignment(session, adjudicator, task).id
    annotation = Annotation(
        assignment_id=assignment_id,
        task_id=task.id,
        labeler_id=adjudicator.id,
        reviewer_id=adjudicator.id,
        kind=AnnotationKind.RANKING,
        current=True,
        surplus=True,
        cohort=cohort,
        simulated=simulated or adjudicator.simulated,
        form_version_id=form,
        idempotency_key=key,
        **revision,
    )
    session.add(annotation)
    session.flush()
    return annotation


def _stamps(session: Session, task: Task, campaign: Campaign) -> tuple[Cohort, bool, int]:
    """Of all that was ever said of the task: whether any was held out, any simulated, and on which form.

    Raises `NothingToAdjudicate`.
    """
    query = select(
        func.bool_or(Annotation.cohort == Cohort.HELD_OUT),
        func.bool_or(Annotation.simulated),
        func.max(Annotation.form_version_id),
    )
    held_out, simulated, form = session.execute(
        query.where(Annotation.task_id == task.id, Annotation.kind.in_(JUDGED))
    ).one()
    if form is None:
        raise NothingToAdjudicate
    cohort = Cohort.HELD_OUT if held_out or campaign.cohort is Cohort.HELD_OUT else Cohort.TRAINING
    return cohort, simulated, form


def _assignment(session: Session, adjudicator: User, task: Task) -> Assignment:
    """Takes no slot of the task."""
    assignment = Assignment(
        task_id=task.id,
        labeler_id=adjudicator.id,
        state=AssignmentState.SUBMITTED,
        shown_order=_outputs(session, task),
        deadline=clock.now(),
    )
    session.add(assignment)
    session.flush()
    return assignment


def _outputs(session: Session, task: Task) -> list[int]:
    query = select(TaskCompletion.completion_id).where(TaskCompletion.task_id == task.id)
    return list(session.scalars(query.order_by(TaskCompletion.position)))


def _adjudicate(session: Session, adjudicator: User, task: Task, annotation: Annotation, comment: str) -> Adjudication:
    session.execute(
        update(Adjudication).where(Adjudication.task_id == task.id, Adjudication.standing).values(standing=False)
    )
    adjudication = Adjudication(
        task_id=task.id,
        annotation_id=annotation.id,
        adjudicator_id=adjudicator.id,
        comment=comment.strip()[:LONGEST_COMMENT],
        standing=True,
    )
    session.add(adjudication)
    session.flush()
    return adjudication
