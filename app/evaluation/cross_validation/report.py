"""Tables of a project's cross-validations: the newest that has ended of each reward model."""

from sqlalchemy.orm import Session

from app.errors import message
from app.evaluation.clusters import FEWEST_PROMPTS, Mean
from app.evaluation.cross_validation.models import ValidationState
from app.evaluation.cross_validation.queries import Listed, cross_validations_of, labelers_by_fold
from app.evaluation.cross_validation.results import FoldResult, OverFolds, Side, fold_results, over_folds
from app.evaluation.tables import Cell, Column, Format, Table
from app.projects.models import Project

DIFFERENCE = "difference"
MODEL, WHOSE = Column("reward_model", message("Reward model")), Column("whose", message("Whose preferences"))
ACCURACY = Column("accuracy", message("Accuracy"), Format.SHARE)
INTERVAL = Column("low", message("From (95 %)"), Format.SHARE), Column("high", message("To (95 %)"), Format.SHARE)
FOLDS, LABELERS = Column("folds", message("Folds"), Format.COUNT), Column("labelers", message("Labelers"), Format.COUNT)
PAIRS, PROMPTS = Column("pairs", message("Pairs"), Format.COUNT), Column("prompts", message("Prompts"), Format.COUNT)


def cross_validation_tables(session: Session, project: Project) -> list[Table]:
    newest: dict[int, Listed] = {}
    for each in cross_validations_of(session, project):
        if each.validation.state is ValidationState.FINISHED:
            newest.setdefault(each.reward_model.id, each)
    overall: list[tuple[Cell, ...]] = []
    by_fold: list[tuple[Cell, ...]] = []
    for each in newest.values():
        results, people = fold_results(session, each.validation), labelers_by_fold(session, each.validation)
        overall += rows_over_folds(each.reward_model.name, results, sum(map(len, people.values())))
        by_fold += rows_by_fold(each.reward_model.name, results, {fold: len(users) for fold, users in people.items()})
    return [overall_table(overall), table_by_fold(by_fold)]


def overall_table(rows: list[tuple[Cell, ...]]) -> Table:
    return Table(
        "cross_validation",
        message("Reward models before new labelers"),
        message(
            "Accuracy on labelers whom a model never learned from, and on those who taught it, over the folds of a "
            "cross-validation; both on prompts that no model learned from. The difference is what is lost before new "
            "labelers (InstructGPT, section 4.1: 69.6 ± 0.9 % and 72.4 ± 0.4 %)."
        ),
        (MODEL, WHOSE, ACCURACY, *INTERVAL, PAIRS, FOLDS, LABELERS),
        rows,
    )


def table_by_fold(rows: list[tuple[Cell, ...]]) -> Table:
    return Table(
        "cross_validation_folds",
        message("Reward models before new labelers, by fold"),
        message("Intervals are clustered by prompt. Labelers are those of the fold, who are left out."),
        (MODEL, Column("fold", message("Fold")), WHOSE, ACCURACY, *INTERVAL, PAIRS, PROMPTS, LABELERS),
        rows,
    )


def rows_over_folds(model: str, results: list[FoldResult], labelers: int) -> list[tuple[Cell, ...]]:
    sides = {
        Side.LEFT_OUT.value: [each.left_out for each in results],
        Side.TAUGHT.value: [each.taught for each in results],
    }
    rows: list[tuple[Cell, ...]] = []
    for whose, means in sides.items():
        pairs = sum(mean.count for mean in means if mean)
        rows.append(
            (
                model,
                whose,
                *_shown(over_folds([mean.value if mean else None for mean in means])),
                pairs,
                len(results),
                labelers,
            )
        )
    lost = over_folds([each.difference for each in results])
    return [*rows, (model, DIFFERENCE, *_shown(lost), None, len(results), labelers)] if results else []


def _shown(found: OverFolds | None) -> tuple[Cell, Cell, Cell]:
    return (found.value, found.low, found.high) if found else (None, None, None)


def rows_by_fold(model: str, results: list[FoldResult], labelers: dict[int, int]) -> list[tuple[Cell, ...]]:
    return [
        (model, str(each.number), side.value, *_mean(mean), labelers[each.number])
        for each in results
        for side, mean in ((Side.LEFT_OUT, each.left_out), (Side.TAUGHT, each.taught))
    ]


def _mean(mean: Mean | None) -> tuple[Cell, ...]:
    if mean is None:
        return (None, None, None, 0, 0)
    shown = (mean.value, mean.low, mean.high) if mean.prompts >= FEWEST_PROMPTS else (None, None, None)
    return (*shown, mean.count, mean.prompts)
