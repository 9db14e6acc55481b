"""Verbs of a cross-validation: start it, cancel it, go on after a failure."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.checkpoints.service import require_files
from app.clock import now
from app.errors import DomainError, InvalidInput, message
from app.evaluation.cross_validation.models import CrossValidation, Fold, FoldLabeler, ValidationState
from app.evaluation.cross_validation.planning import FEWEST_FOLDS, MOST_FOLDS, Prospect, prospect
from app.evaluation.cross_validation.queries import runs_of
from app.projects.models import Project
from app.runs.models import RunState
from app.runs.service import request_cancel, retry_run
from app.runs.telling import wake_workers
from app.translation import gettext


class TooLittleToValidate(DomainError):
    sentence = message(
        "Each of {folds} folds needs a labeler with rankings of validation or test prompts, and rankings by others to "
        "learn from."
    )


class ValidationUnderWay(DomainError):
    sentence = message("Cross-validation {number} of this project is still under way; cancel it or wait until it ends.")


class ValidationOver(DomainError):
    sentence = message("Cross-validation {number} is over.")


class ValidationNotStopped(DomainError):
    sentence = message("Cross-validation {number} is {state}; only a failed or cancelled one can go on.")


def start_cross_validation(
    session: Session, project: Project, reward_model: Checkpoint, folds: int, seed: int, created_by: User | None = None
) -> CrossValidation:
    """Decides who is left out where; a worker freezes and trains.

    Raises `InvalidInput`, `NothingToRepeat`, `TooLittleToValidate`, `ValidationUnderWay`, `FilesDeleted`.
    """
    if not FEWEST_FOLDS <= folds <= MOST_FOLDS:
        reason = gettext("There are {fewest} to {most} folds.").format(fewest=FEWEST_FOLDS, most=MOST_FOLDS)
        raise InvalidInput(reason=reason)
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    if under_way := validation_under_way(session, project):
        raise ValidationUnderWay(number=under_way)
    planned = prospect(session, project, reward_model, folds, seed)
    if not planned.is_ready:
        raise TooLittleToValidate(folds=folds)
    for each in planned.repeated.inputs:
        if isinstance(each.source, Checkpoint):
            require_files(session, each.source)
    return _begin(session, project, planned, seed, created_by)


def _begin(
    session: Session, project: Project, planned: Prospect, seed: int, created_by: User | None
) -> CrossValidation:
    begun = CrossValidation(
        project_id=project.id,
        reward_model_id=planned.reward_model.id,
        folds=len(planned.folds),
        seed=seed,
        created_by_id=created_by.id if created_by else None,
    )
    session.add(begun)
    session.flush()
    session.add_all(Fold(cross_validation_id=begun.id, number=fold.number) for fold in planned.folds)
    session.flush()
    session.add_all(
        FoldLabeler(cross_validation_id=begun.id, labeler_id=part.labeler.id, fold=fold.number)
        for fold in planned.folds
        for part in fold.parts
    )
    session.flush()
    wake_workers(session)
    return begun


def validation_under_way(session: Session, project: Project) -> int | None:
    """Its number; a project has one at a time."""
    under_way = CrossValidation.state == ValidationState.RUNNING
    return session.scalar(select(CrossValidation.id).where(CrossValidation.project_id == project.id, under_way))


def cancel_cross_validation(session: Session, current: CrossValidation) -> None:
    """Raises `ValidationOver`."""
    _lock(session, current)
    if current.state is not ValidationState.RUNNING:
        raise ValidationOver(number=current.id)
    for run in runs_of(session, current):
        if run.finished_at is None:
            request_cancel(session, run)
    current.state, current.finished_at = ValidationState.CANCELLED, now()


def resume_cross_validation(session: Session, current: CrossValidation) -> None:
    """From where it stopped. Raises `ValidationNotStopped`, `ValidationUnderWay`."""
    _lock(session, current)
    if current.state not in (ValidationState.FAILED, ValidationState.CANCELLED):
        raise ValidationNotStopped(number=current.id, state=current.state)
    session.execute(select(Project.id).where(Project.id == current.project_id).with_for_update())
    if under_way := validation_under_way(session, session.get_one(Project, current.project_id)):
        raise ValidationUnderWay(number=under_way)
    for run in runs_of(session, current):
        if run.state in (RunState.FAILED, RunState.CANCELLED):
            retry_run(session, run)
    current.state, current.error, current.finished_at = ValidationState.RUNNING, None, None
    session.flush()
    wake_workers(session)


def _lock(session: Session, current: CrossValidation) -> None:
    session.flush()  # a refresh would drop what was not written yet
    session.refresh(current, with_for_update=True)
