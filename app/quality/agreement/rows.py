"""Tables of agreement as flat rows, the same for the command, CSV and JSON; and their names in words."""

from collections.abc import Iterable
from typing import Any

from app.errors import message
from app.quality.agreement.coefficients import Figure, Undefined
from app.quality.agreement.groups import Group
from app.quality.agreement.questions import Measure, Part
from app.quality.agreement.tables import LabelerPair, Line

MEASURES = {
    Measure.STRICT: message("Agreement, ties left out"),
    Measure.HALF_TIES: message("Agreement, a tie counting half"),
    Measure.RAW: message("Agreement, the same answer"),
    Measure.COHEN: message("Cohen's kappa"),
    Measure.FLEISS: message("Fleiss' kappa"),
    Measure.ALPHA_NOMINAL: message("Krippendorff's alpha, nominal"),
    Measure.ALPHA_ORDINAL: message("Krippendorff's alpha, ordinal"),
    Measure.ALPHA_INTERVAL: message("Krippendorff's alpha, interval"),
    Measure.AC1: message("Gwet's AC1"),
    Measure.TAU_B: message("Kendall's tau-b, mean"),
    Measure.WMT_INTER: message("WMT's kappa, all judgements"),
    Measure.WMT_INTRA: message("WMT's kappa, a labeler's own"),
}
PARTS = {
    Part.PAIRS: message("Which of two outputs is better"),
    Part.RANKS: message("The rank of an output"),
    Part.OUTPUT: message("Of an output"),
    Part.PROMPT: message("Of the prompt"),
}
REASONS = {
    Undefined.NOTHING_SHARED: message("not enough: nothing was judged by two"),
    Undefined.CONSTANT: message("undefined: everybody gave the same label"),
    Undefined.ALL_TIED: message("undefined: no pair was put in an order by both"),
}


def rows_of_figures(lines: Iterable[Line]) -> list[dict[str, Any]]:
    return [
        {"about": line.part.value, "question": line.question, "measure": line.measure.value}
        | _of_figure(line.figure)
        | dict(line.details)
        for line in lines
    ]


def rows_of_pairs(pairs: Iterable[LabelerPair]) -> list[dict[str, Any]]:
    return [
        {
            "about": pair.part.value,
            "question": pair.question,
            "first": pair.first,
            "second": pair.second,
            "measure": measure.value,
        }
        | _of_figure(figure)
        for pair in pairs
        for measure, figure in pair.figures.items()
    ]


def rows_of_groups(groups: Iterable[Group]) -> list[dict[str, Any]]:
    return [{"by": group.by.value, "group": group.name} | _of_figure(group.figure) for group in groups]


def _of_figure(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "items": figure.items,
        "comparisons": figure.comparisons,
        "prompts": figure.clusters,
        "undefined": figure.undefined.value if figure.undefined else None,
    }
