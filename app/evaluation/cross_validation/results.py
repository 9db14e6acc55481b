"""What a cross-validation found: how often each fold's model orders outputs as people do whom it never learned from.

InstructGPT, section 4.1: 69.6 ± 0.9 % on the preferences of left-out labelers, 72.4 ± 0.4 % on those of labelers whose
other rankings it learned from. Both are measured on prompts that no fold learned from; of outputs that nobody tied.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from app.annotations.models import AnnotatedOutput, Annotation
from app.completions.models import CompletionScore
from app.datasets.models import DatasetAnnotation
from app.evaluation.clusters import TWO_SIDED_95, Cluster, Mean, clustered_share
from app.evaluation.cross_validation.models import CrossValidation, Fold, FoldLabeler
from app.runs.models import Run
from app.tasks.models import Task


class Side(StrEnum):
    """Whose preferences are predicted: those of the fold, or those of the others, who taught its model."""

    LEFT_OUT = "left_out"
    TAUGHT = "taught"


@dataclass(frozen=True)
class FoldResult:
    """Intervals are clustered by prompt; None where nobody ordered anything strictly."""

    number: int
    left_out: Mean | None
    taught: Mean | None

    @property
    def difference(self) -> float | None:
        return self.taught.value - self.left_out.value if self.taught and self.left_out else None


@dataclass(frozen=True)
class OverFolds:
    """The mean of the folds, each weighing the same, with Student's 95 % interval over them.

    Folds share most of what they learn from, so the interval is the customary one rather than an exact one [Bengio and
    Grandvalet 2004].
    """

    value: float
    low: float | None
    high: float | None
    folds: int


def fold_results(session: Session, found: CrossValidation) -> list[FoldResult]:
    """By fold; those whose model has not scored anything yet are left out."""
    clusters: dict[int, dict[Side, list[Cluster]]] = defaultdict(lambda: defaultdict(list))
    for fold, is_left_out, right, count in _right_by_prompt(session, found):
        side = Side.LEFT_OUT if is_left_out else Side.TAUGHT
        clusters[fold][side].append(Cluster(float(right), count))
    return [
        FoldResult(fold, clustered_share(of_fold[Side.LEFT_OUT]), clustered_share(of_fold[Side.TAUGHT]))
        for fold, of_fold in sorted(clusters.items())
    ]


def _right_by_prompt(session: Session, found: CrossValidation) -> Sequence[tuple[int, bool, float, int]]:
    """Fold, whether it left the labelers out, pairs foretold (equal scores foretell half), pairs: for each prompt."""
    ours, theirs = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    our_score, their_score = aliased(CompletionScore), aliased(CompletionScore)
    margin = (our_score.score - their_score.score) * (theirs.rank - ours.rank)
    right = case((margin > 0, 1.0), (margin < 0, 0.0), else_=0.5)
    is_left_out = FoldLabeler.fold == Fold.number
    query = (
        select(Fold.number, is_left_out, func.sum(right), func.count())
        .select_from(Fold)
        .join(Run, Run.id == Fold.training_id)
        .join(DatasetAnnotation, DatasetAnnotation.dataset_id == found.judged_id)
        .join(Annotation, Annotation.id == DatasetAnnotation.annotation_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(
            FoldLabeler,
            and_(
                FoldLabeler.cross_validation_id == Fold.cross_validation_id,
                FoldLabeler.labeler_id == Annotation.labeler_id,
            ),
        )
        .join(ours, ours.annotation_id == Annotation.id)
        .join(theirs, and_(theirs.annotation_id == Annotation.id, theirs.completion_id > ours.completion_id))
        .join(our_score, _scored(our_score, ours))
        .join(their_score, _scored(their_score, theirs))
        .where(Fold.cross_validation_id == found.id, ours.rank != theirs.rank)
        .group_by(Fold.number, is_left_out, Task.prompt_id)
        .order_by(Fold.number)
    )
    return [tuple(row) for row in session.execute(query)]


def _scored(score: type[CompletionScore], output: type[AnnotatedOutput]) -> ColumnElement[bool]:
    return and_(score.completion_id == output.completion_id, score.checkpoint_id == Run.produced_checkpoint_id)


def over_folds(values: Sequence[float | None]) -> OverFolds | None:
    """Of the folds that have one; None where none has."""
    found = [value for value in values if value is not None]
    if not found:
        return None
    mean = fmean(found)
    if len(found) < 2:
        return OverFolds(mean, None, None, len(found))
    from scipy.special import stdtrit  # 25 MB that pages without a mean need not hold

    half = float(stdtrit(len(found) - 1, TWO_SIDED_95)) * stdev(found) / len(found) ** 0.5
    return OverFolds(mean, mean - half, mean + half, len(found))
