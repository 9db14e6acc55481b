"""What an evaluation's tables look like: a chart for each table whose figures are compared by eye."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.evaluation.report import ALL_USE_CASES
from app.evaluation.tables import Table
from app.translation import gettext as _
from app.web.charts import Dots, Format, Mark, Panel, Plot, Point, axis_of, dots, series_of

Row = Mapping[str, Any]
HALF = 0.5


@dataclass(frozen=True)
class Drawing:
    """`dots` or `plots`; neither where there is too little to draw."""

    dots: Dots | None = None
    plots: Sequence[Plot] = ()


def drawings(tables: Iterable[Table], flag: str | None, labels: Mapping[str, str]) -> dict[str, Drawing]:
    """By the name of the table; texts have none. `flag` is also shown by use case; `labels`: what the forms ask."""
    rows = {table.name: table.as_json() for table in tables}

    def asked(row: Row) -> str:
        name = row["flag"] if "flag" in row else row["question"]
        return _(labels.get(name, name))

    return {
        "win_rates": Drawing(_win_rates(rows["win_rates"])),
        "strengths": Drawing(_strengths(rows["strengths"])),
        "scales": Drawing(dots(_by(rows["scales"], asked, _of_policy("mean")), Format.NUMBER)),
        "flags": Drawing(_flags(rows["flags"], flag, asked)),
        "reward_models": Drawing(_accuracies(rows["reward_models"])),
        "calibration": Drawing(plots=_calibration(rows["calibration"])),
        "cross_validation": Drawing(_cross_validation(rows["cross_validation"])),
        "cross_validation_folds": Drawing(_folds(rows["cross_validation_folds"])),
    }


def flags_of(tables: Iterable[Table]) -> list[str]:
    """Those that may be shown by use case."""
    rows = next(table.as_json() for table in tables if table.name == "flags")
    return list(dict.fromkeys(row["flag"] for row in rows if row["use_case"] != ALL_USE_CASES))


def voice_name(voice: str) -> str:
    names = {
        "held_out": _("Held-out labelers"),
        "training": _("Training labelers"),
        "simulated": _("Simulated labelers"),
    }
    return names.get(voice, voice)


Marks = Callable[[list[Row]], Iterable[Mark]]


def _by(rows: Iterable[Row], title: Callable[[Row], str], marks: Marks) -> list[Panel]:
    panels: dict[str, list[Row]] = {}
    for row in rows:
        panels.setdefault(title(row), []).append(row)
    return [Panel(name, tuple(marks(inside))) for name, inside in panels.items()]


def _voice(row: Row) -> str:
    return voice_name(row["judged_by"])


def _of_policy(value: str) -> Marks:
    """Policies, each in the word of every voice."""

    def marks(rows: list[Row]) -> Iterable[Mark]:
        series = series_of(row["judged_by"] for row in rows)
        for row in rows:
            hint = _voice(row) if len(series) > 1 else ""
            yield Mark(row["policy"], row[value], row["low"], row["high"], hint, series[row["judged_by"]])

    return marks


def _win_rates(rows: Sequence[Row]) -> Dots | None:
    def marks(inside: list[Row]) -> Iterable[Mark]:
        for row in inside:
            yield Mark(row["policy"], row["win_rate"], row["low"], row["high"])
            if row["controlled"] is not None:
                at_equal_length = row["controlled"], row["controlled_low"], row["controlled_high"]
                yield Mark(row["policy"], *at_equal_length, _("at equal length"), series=1)

    def against(row: Row) -> str:
        return _("{voice}: against {baseline}").format(voice=_voice(row), baseline=row["baseline"])

    return dots(_by(rows, against, marks), Format.SHARE, include=(0, 1), reference=HALF)


def _strengths(rows: Sequence[Row]) -> Dots | None:
    """Strongest first, as the table has them."""

    def marks(inside: list[Row]) -> Iterable[Mark]:
        return (Mark(row["policy"], row["elo"], row["low"], row["high"]) for row in inside)

    return dots(_by(rows, _voice, marks), Format.NUMBER, reference=0)


def _flags(rows: Sequence[Row], flag: str | None, asked: Callable[[Row], str]) -> Dots | None:
    """Each flag over all use cases, as InstructGPT's figure 4; one flag by use case where it is chosen."""
    if flag is None:
        overall = [row for row in rows if row["use_case"] == ALL_USE_CASES]
        return dots(_by(overall, asked, _of_policy("rate")), Format.SHARE, include=(0,))
    of_flag = [row for row in rows if row["flag"] == flag]
    return dots(_by(of_flag, _use_case, _of_policy("rate")), Format.SHARE, include=(0,))


def _use_case(row: Row) -> str:
    if row["use_case"] == ALL_USE_CASES:
        return _("All use cases")
    return row["use_case"] or _("Without a use case")


def _accuracies(rows: Sequence[Row]) -> Dots | None:
    def marks(inside: list[Row]) -> Iterable[Mark]:
        return (Mark(row["reward_model"], row["accuracy"], row["low"], row["high"]) for row in inside)

    return dots(_by(rows, _voice, marks), Format.SHARE, include=(1,), reference=HALF)


def side_name(side: str) -> str:
    names = {
        "left_out": _("Labelers left out"),
        "taught": _("Labelers who taught it"),
        "difference": _("Lost before new labelers"),
    }
    return names[side]


def _cross_validation(rows: Sequence[Row]) -> Dots | None:
    """Both sides of each model; what is lost between them is in the table."""

    def marks(inside: list[Row]) -> Iterable[Mark]:
        return (Mark(side_name(row["whose"]), row["accuracy"], row["low"], row["high"]) for row in inside)

    sides = [row for row in rows if row["whose"] != "difference"]
    return dots(_by(sides, lambda row: str(row["reward_model"]), marks), Format.SHARE, include=(1,), reference=HALF)


def _folds(rows: Sequence[Row]) -> Dots | None:
    def marks(inside: list[Row]) -> Iterable[Mark]:
        for row in inside:
            name = _("Fold {number}").format(number=row["fold"])
            yield Mark(name, row["accuracy"], row["low"], row["high"])

    def side(row: Row) -> str:
        return f"{row['reward_model']} · {side_name(row['whose'])}"

    return dots(_by(rows, side, marks), Format.SHARE, include=(1,), reference=HALF)


def _calibration(rows: Sequence[Row]) -> list[Plot]:
    """Right over foretold, one plot for each model and voice; on the diagonal a model is as sure as it may be."""
    curves: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["right"] is not None:
            curves.setdefault((row["reward_model"], row["judged_by"]), []).append(row)
    found = enumerate(sorted(curves.items()), start=1)
    return [_curve(number, model, voice, inside) for number, ((model, voice), inside) in found if len(inside) > 1]


def _curve(number: int, model: str, voice: str, rows: Sequence[Row]) -> Plot:
    points = tuple(Point(row["foretold"], row["right"], row["low"], row["high"]) for row in rows)
    seen = [share for point in points for share in (point.y, point.low, point.high)]
    return Plot(
        name=f"calibration-{number}",
        title=f"{model} · {voice_name(voice)}",
        points=points,
        x=axis_of([HALF, 1]),
        y=axis_of([*seen, HALF, 1]),
        x_title=_("How sure the scores are"),
        y_title=_("How often they are right"),
        diagonal=True,
        text=_(
            "How often the scores are right over how sure they are, with 95 % intervals. Below the dashed line the "
            "model is too sure of itself. The numbers are in the table."
        ),
    )
