"""`advance_cross_validation` looks at the facts and does what is missing: safe to call twice, or after any crash."""

import logging
from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.checkpoints.models import Checkpoint
from app.checkpoints.service import archive
from app.clock import now
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.db import transaction
from app.evaluation.cross_validation.models import CrossValidation, Fold, ValidationState
from app.evaluation.cross_validation.planning import LEARNED_FROM, Repeated, repeated_by
from app.evaluation.cross_validation.queries import folds_of, labelers_by_fold, runs_of
from app.files.place import Files
from app.files.store import StoreUnreachable
from app.projects.models import Project
from app.runs.models import Run, RunState, Stage
from app.runs.needs import Needs
from app.runs.service import Input, enqueue_run

logger = logging.getLogger(__name__)

UNDER_WAY = {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED}
SHARED = (
    "seed",
    "threads",
    "device",
    "max_prompt_tokens",
    "max_completion_tokens",
    "layout",
)  # by training and scoring


def advance_cross_validations(engine: Engine, files: Files) -> None:
    """Each in a transaction of its own; one that another worker looks after right now is left to it."""
    unfinished = CrossValidation.state == ValidationState.RUNNING
    with transaction(engine) as session:
        numbers = session.scalars(select(CrossValidation.id).where(unfinished)).all()
    for number in numbers:
        with transaction(engine) as session:
            query = select(CrossValidation).where(CrossValidation.id == number, unfinished)
            found = session.scalar(query.with_for_update(skip_locked=True))
            if found:
                advance_cross_validation(session, files, found)


def advance_cross_validation(session: Session, files: Files, current: CrossValidation) -> None:
    """What goes wrong is kept with it, its half-done work undone."""
    try:
        with session.begin_nested():
            _do_what_is_missing(session, files, current)
            state, error = _state(runs_of(session, current), 2 * current.folds)
    except (OperationalError, StoreUnreachable):
        raise  # the database or the store is away: nothing is wrong with the cross-validation
    except Exception as wrong:
        logger.exception("Cross-validation %s failed", current.id)
        state, error = ValidationState.FAILED, str(wrong)
    current.state, current.error = state, error
    current.finished_at = None if state is ValidationState.RUNNING else now()


def _state(runs: Sequence[Run], wanted: int) -> tuple[ValidationState, str | None]:
    """Others go on where one failed, so that little is left to do when it is tried again."""
    states = {run.state for run in runs}
    if states & UNDER_WAY:
        return ValidationState.RUNNING, None
    if RunState.FAILED in states:
        return ValidationState.FAILED, next(run.error for run in runs if run.state is RunState.FAILED)
    if RunState.CANCELLED in states:
        return ValidationState.CANCELLED, None
    return (ValidationState.FINISHED if len(runs) == wanted else ValidationState.RUNNING), None


def _do_what_is_missing(session: Session, files: Files, current: CrossValidation) -> None:
    repeated = repeated_by(session, session.get_one(Checkpoint, current.reward_model_id))
    project = session.get_one(Project, current.project_id)
    folds = folds_of(session, current)
    if current.judged_id is None:
        _freeze(session, files, project, current, folds, repeated)
    for fold in folds:
        if fold.training_id is None:
            fold.training_id = _train(session, project, fold, repeated).id
        elif fold.scoring_id is None:
            _score_when_trained(session, project, current, fold, repeated)
    session.flush()


def _freeze(
    session: Session,
    files: Files,
    project: Project,
    current: CrossValidation,
    folds: Sequence[Fold],
    repeated: Repeated,
) -> None:
    """All at one moment: for each fold what the labelers of all others said, and what judges every fold."""
    people = labelers_by_fold(session, current)

    def freeze(name: str, taken: DatasetFilter, labelers: Iterable[User]) -> Dataset:
        chosen = taken.model_copy(update={"labelers": tuple(sorted(user.id for user in labelers))})
        title = f"Cross-validation {current.id}: {name}"
        return freeze_dataset(session, files, project, title, DatasetKind.COMPARISONS, chosen)

    for fold in folds:
        others = chain.from_iterable(users for number, users in people.items() if number != fold.number)
        fold.taught_id = freeze(f"without fold {fold.number}", repeated.taught, others).id
    current.judged_id = freeze("to judge by", repeated.judged, chain.from_iterable(people.values())).id


def _train(session: Session, project: Project, fold: Fold, repeated: Repeated) -> Run:
    """As the reward model was trained, from the same model; centred on what is compared, which changes no order."""
    inputs = [*repeated.inputs, Input(LEARNED_FROM, session.get_one(Dataset, fold.taught_id))]
    return enqueue_run(session, project, Stage.REWARD, repeated.run.settings, inputs, needs=_needs(repeated.run))


def _score_when_trained(
    session: Session, project: Project, current: CrossValidation, fold: Fold, repeated: Repeated
) -> None:
    """The fold's model, which is no model of the project's own, leaves the lists."""
    trained = session.get_one(Run, fold.training_id)
    if trained.state is not RunState.FINISHED:
        return
    model = session.get_one(Checkpoint, trained.produced_checkpoint_id)
    archive(model)
    inputs = [Input("reward_model", model), Input("comparisons", session.get_one(Dataset, current.judged_id))]
    settings = {name: value for name, value in repeated.run.settings.items() if name in SHARED}
    scoring = enqueue_run(session, project, Stage.SCORE, settings, inputs, needs=_needs(repeated.run))
    fold.scoring_id = scoring.id


def _needs(run: Run) -> Needs:
    return Needs(run.needs_gpu, run.needs_memory, run.needs_label)
