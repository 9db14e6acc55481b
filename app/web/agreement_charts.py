"""What agreement looks like: rankings by coefficient and by group, ratings by question, labelers two by two."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.quality.agreement.coefficients import Figure
from app.quality.agreement.groups import Group, Grouping
from app.quality.agreement.questions import Measure, Part
from app.quality.agreement.rows import MEASURES
from app.quality.agreement.tables import Agreement, LabelerPair, Line
from app.translation import gettext as _
from app.web.charts import Dots, Format, Mark, Panel, dots

SHARES = (Measure.STRICT, Measure.HALF_TIES, Measure.RAW)
BEYOND_CHANCE = (Measure.FLEISS, Measure.ALPHA_NOMINAL, Measure.ALPHA_ORDINAL, Measure.AC1, Measure.TAU_B)
ALPHAS = (Measure.ALPHA_ORDINAL, Measure.ALPHA_NOMINAL)
MOST_PAIRS_DRAWN = 12


@dataclass(frozen=True)
class Drawings:
    """None where there is too little to draw."""

    rankings: Dots | None
    beyond_chance: Dots | None
    groups: Dots | None
    ratings: Dots | None
    pairs: Dots | None


def drawings(found: Agreement, between: Callable[[int, int], str]) -> Drawings:
    """`between` is the address at which two labelers are looked at alone."""
    of_rankings = [line for line in found.lines if line.part is Part.PAIRS]
    return Drawings(
        rankings=_of_measures(of_rankings, SHARES, _("Pairs of outputs on which two labelers agree"), Format.SHARE),
        beyond_chance=_of_measures(of_rankings, BEYOND_CHANCE, _("Agreement beyond chance"), Format.COEFFICIENT),
        groups=_of_groups(found.groups),
        ratings=_of_ratings(found.lines),
        pairs=_of_pairs(found.pairs, between),
    )


def _mark(label: str, figure: Figure, href: str = "") -> Mark:
    return Mark(label, figure.value, figure.low, figure.high, href=href)


def _of_measures(lines: Iterable[Line], measures: Sequence[Measure], title: str, written: Format) -> Dots | None:
    """In the order of `measures`."""
    figures = {line.measure: line.figure for line in lines}
    marks = [_mark(_(MEASURES[measure]), figures[measure]) for measure in measures if measure in figures]
    return dots([Panel(title, tuple(marks))], written, include=(0, 1))


def _of_groups(groups: Sequence[Group]) -> Dots | None:
    titles = {
        Grouping.CAMPAIGN: _("By campaign"),
        Grouping.COHORT: _("By cohort"),
        Grouping.USE_CASE: _("By use case"),
    }
    panels = [
        Panel(title, tuple(_mark(group_name(group), group.figure) for group in groups if group.by is by))
        for by, title in titles.items()
    ]
    return dots(panels, Format.SHARE, include=(0.5, 1))


def group_name(group: Group) -> str:
    if group.by is Grouping.USE_CASE:
        return group.name or _("Without a use case")
    return COHORTS[group.name]() if group.by is Grouping.COHORT else group.name


COHORTS: Mapping[str, Callable[[], str]] = {
    "training": lambda: _("Training labelers"),
    "held_out": lambda: _("Held-out labelers"),
}


def _of_ratings(lines: Iterable[Line]) -> Dots | None:
    """Krippendorff's alpha of each question that is asked about outputs, and of each about prompts."""
    titles = {Part.OUTPUT: _("About outputs"), Part.PROMPT: _("About prompts")}
    rated = [line for line in lines if line.measure in ALPHAS]
    panels = [
        Panel(title, tuple(_mark(_(line.label), line.figure) for line in rated if line.part is part))
        for part, title in titles.items()
    ]
    return dots(panels, Format.COEFFICIENT, include=(0, 1))


def _of_pairs(pairs: Iterable[LabelerPair], between: Callable[[int, int], str]) -> Dots | None:
    """Of those who share most work, in the order in which the table has them: nobody is ranked."""
    ranked = [pair for pair in pairs if pair.part is Part.PAIRS][:MOST_PAIRS_DRAWN]
    marks = (
        _mark(
            f"{pair.first} · {pair.second}",
            pair.figures[Measure.STRICT],
            f"/agreement?{between(pair.first_id, pair.second_id)}",
        )
        for pair in ranked
    )
    return dots([Panel(_("Agreement on rankings, ties left out"), tuple(marks))], Format.SHARE, include=(0.5, 1))
