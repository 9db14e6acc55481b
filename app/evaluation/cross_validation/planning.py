"""What a cross-validation would do, known before anything starts: who is left out where, and what is there to learn."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, User
from app.annotations.models import Annotation, AnnotationKind
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.datasets.filtering import DatasetFilter
from app.datasets.models import Dataset, DatasetKind
from app.datasets.rows import annotations_of
from app.db import among
from app.errors import DomainError, message
from app.evaluation.cross_validation.dealing import dealt
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.runs.models import Run, RunInput, Stage
from app.runs.queries import inputs_of, run_that_produced
from app.runs.service import Input

FEWEST_FOLDS, MOST_FOLDS = 2, 20
UNSEEN = (Split.VALIDATION, Split.TEST)  # no model of a fold learns from their prompts
LEARNED_FROM = "comparisons"  # the setting of the reward stage


class NothingToRepeat(DomainError):
    sentence = message(
        "{name} was not trained here on a dataset of comparisons, so that its training cannot be repeated."
    )


@dataclass(frozen=True)
class Repeated:
    """The run that made a reward model, the dataset that it learned from, and the model that it began with."""

    run: Run
    dataset: Dataset
    inputs: tuple[Input, ...]

    @property
    def taught(self) -> DatasetFilter:
        """The same rankings, of training prompts alone, so that what measures the folds has taught none of them."""
        return self._like_it.model_copy(update={"splits": (Split.TRAIN,)})

    @property
    def judged(self) -> DatasetFilter:
        return self._like_it.model_copy(update={"splits": UNSEEN, "at_most": None})

    @property
    def _like_it(self) -> DatasetFilter:
        return DatasetFilter.model_validate(self.dataset.filter).model_copy(update={"cohort": Cohort.TRAINING})


@dataclass(frozen=True)
class Part:
    """One labeler's rankings that teach and those that judge."""

    labeler: User
    teaching: int
    judging: int


@dataclass(frozen=True)
class PlannedFold:
    """`parts` of the labelers who are left out; `teaching`: rankings of all others."""

    number: int
    parts: tuple[Part, ...]
    teaching: int

    @property
    def judging(self) -> int:
        return sum(part.judging for part in self.parts)

    @property
    def is_ready(self) -> bool:
        return self.judging > 0 and self.teaching > 0


@dataclass(frozen=True)
class Prospect:
    reward_model: Checkpoint
    repeated: Repeated
    folds: tuple[PlannedFold, ...]
    asked_for: int

    @property
    def labelers(self) -> int:
        return sum(len(fold.parts) for fold in self.folds)

    @property
    def judging(self) -> int:
        return sum(fold.judging for fold in self.folds)

    @property
    def runs(self) -> int:
        """Each fold's model is trained, then scores the rankings that judge it."""
        return 2 * len(self.folds)

    @property
    def is_ready(self) -> bool:
        return len(self.folds) == self.asked_for and all(fold.is_ready for fold in self.folds)

    def as_dict(self) -> dict[str, Any]:
        return {
            "reward_model": self.reward_model.name,
            "dataset": self.repeated.dataset.name,
            "ready": self.is_ready,
            "runs": self.runs,
            "folds": [
                {
                    "fold": fold.number,
                    "labelers": [part.labeler.name for part in fold.parts],
                    "teaching": fold.teaching,
                    "judging": fold.judging,
                }
                for fold in self.folds
            ],
        }


def repeatable_models(session: Session, project: Project) -> list[Checkpoint]:
    """Reward models that were trained here and are not of a fold themselves, newest first."""
    query = (
        select(Checkpoint)
        .join(Run, Run.produced_checkpoint_id == Checkpoint.id)
        .join(RunInput, (RunInput.run_id == Run.id) & (RunInput.setting == LEARNED_FROM))
        .where(Checkpoint.project_id == project.id, Checkpoint.kind == CheckpointKind.REWARD)
        .where(Run.stage == Stage.REWARD, RunInput.dataset_id.is_not(None), Checkpoint.archived_at.is_(None))
    )
    return list(session.scalars(query.order_by(Checkpoint.id.desc())).unique())


def repeated_by(session: Session, reward_model: Checkpoint) -> Repeated:
    """Raises `NothingToRepeat`."""
    run = run_that_produced(session, reward_model)
    inputs = inputs_of(session, run) if run and run.stage is Stage.REWARD else []
    learned = [each.source for each in inputs if each.setting == LEARNED_FROM and isinstance(each.source, Dataset)]
    if run is None or not learned:
        raise NothingToRepeat(name=reward_model.name)
    begun_with = tuple(each for each in inputs if isinstance(each.source, Checkpoint))
    return Repeated(run, learned[0], begun_with)


def prospect(session: Session, project: Project, reward_model: Checkpoint, folds: int, seed: int) -> Prospect:
    """Of the rankings that are there now. Raises `NothingToRepeat`."""
    repeated = repeated_by(session, reward_model)
    parts = _parts(session, project, repeated)
    folded = dealt([part.labeler.id for part in parts], folds, seed)
    teaching = sum(part.teaching for part in parts)
    planned = []
    for number in range(1, min(folds, len(parts)) + 1):
        inside = tuple(part for part in parts if folded[part.labeler.id] == number)
        planned.append(PlannedFold(number, inside, teaching - sum(part.teaching for part in inside)))
    return Prospect(reward_model, repeated, tuple(planned), folds)


def _parts(session: Session, project: Project, repeated: Repeated) -> list[Part]:
    whole = repeated.judged.model_copy(update={"splits": tuple(Split)})
    learned_from = Prompt.split.in_(repeated.taught.splits)
    query = (
        annotations_of(project, DatasetKind.COMPARISONS, whole)
        .where(Annotation.kind == AnnotationKind.RANKING)
        .add_columns(Annotation.labeler_id, func.count().filter(learned_from), func.count().filter(~learned_from))
        .group_by(Annotation.labeler_id)
        .order_by(Annotation.labeler_id)
    )
    counted = session.execute(query).all()
    people = {
        user.id: user for user in session.scalars(select(User).where(among(User.id, [row[0] for row in counted])))
    }
    return [Part(people[number], teaching, judging) for number, teaching, judging in counted]
