"""Reads about cross-validations: one with its folds, those of a project, and their runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.datasets.models import Dataset
from app.errors import NotFound
from app.evaluation.cross_validation.models import CrossValidation, Fold, FoldLabeler
from app.projects.models import Project
from app.runs.models import Run


@dataclass(frozen=True)
class Listed:
    validation: CrossValidation
    reward_model: Checkpoint


@dataclass(frozen=True)
class FoldView:
    """What a fold has so far; `left_out` by name."""

    number: int
    left_out: tuple[User, ...]
    taught: Dataset | None
    training: Run | None
    scoring: Run | None
    model: Checkpoint | None


def cross_validation(session: Session, number: int) -> CrossValidation:
    found = session.get(CrossValidation, number)
    if found is None:
        raise NotFound(what="cross-validation", number=number)
    return found


def cross_validations_of(session: Session, project: Project) -> list[Listed]:
    """Newest first."""
    query = (
        select(CrossValidation, Checkpoint)
        .join(Checkpoint, Checkpoint.id == CrossValidation.reward_model_id)
        .where(CrossValidation.project_id == project.id)
        .order_by(CrossValidation.id.desc())
    )
    return [Listed(found, model) for found, model in session.execute(query)]


def folds_of(session: Session, found: CrossValidation) -> Sequence[Fold]:
    query = select(Fold).where(Fold.cross_validation_id == found.id)
    return session.scalars(query.order_by(Fold.number)).all()


def runs_of(session: Session, found: CrossValidation) -> Sequence[Run]:
    query = select(Run).join(Fold, Run.id.in_([Fold.training_id, Fold.scoring_id]))
    return session.scalars(query.where(Fold.cross_validation_id == found.id).order_by(Run.id)).all()


def fold_views(session: Session, found: CrossValidation) -> list[FoldView]:
    training, scoring = aliased(Run), aliased(Run)
    query = (
        select(Fold.number, Dataset, training, scoring, Checkpoint)
        .outerjoin(Dataset, Dataset.id == Fold.taught_id)
        .outerjoin(training, training.id == Fold.training_id)
        .outerjoin(scoring, scoring.id == Fold.scoring_id)
        .outerjoin(Checkpoint, Checkpoint.id == training.produced_checkpoint_id)
        .where(Fold.cross_validation_id == found.id)
        .order_by(Fold.number)
    )
    people = labelers_by_fold(session, found)
    return [FoldView(row[0], tuple(people.get(row[0], ())), *row[1:]) for row in session.execute(query)]


def labelers_by_fold(session: Session, found: CrossValidation) -> dict[int, list[User]]:
    query = select(FoldLabeler.fold, User).join(User, User.id == FoldLabeler.labeler_id)
    by_fold: dict[int, list[User]] = {}
    chosen = query.where(FoldLabeler.cross_validation_id == found.id).order_by(FoldLabeler.fold, User.name, User.id)
    for fold, user in session.execute(chosen):
        by_fold.setdefault(fold, []).append(user)
    return by_fold


def is_of_a_fold(checkpoint_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Of reward models that stand for a fold alone, and are no model of the project's own."""
    trained = select(Run.produced_checkpoint_id).join(Fold, Fold.training_id == Run.id)
    return checkpoint_id.in_(trained.where(Run.produced_checkpoint_id.is_not(None)))
