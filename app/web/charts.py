"""Charts that the server draws as SVG: dots with their intervals, and curves; places are worked out here.

    panels = [Panel(_("Win rate"), (Mark("policy-2", .62, .58, .66, hint=_("held-out")),))]
    chart = dots(panels, Format.SHARE, include=(0, 1), reference=.5)
    return page(request, "…", chart=chart)

    {% from "components/charts.html" import behind, chart_styles, dot_charts, plots with context %}
    {% block head %}{{ chart_styles() }}{% endblock %}
    {{ dot_charts(chart) }}
    {% call behind([("CSV", url), ("JSON", url)]) %}{% call table(…) %}…{% endcall %}{% endcall %}

A chart that would show nothing is None, and the macro then says that there is not enough. Behind each chart stands its
table. How charts look is in `charts.css`; nothing here needs a script.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_TICKS = 5
NICE = (1, 2, 2.5, 5, 10)
WIDTH, HEIGHT = 360, 250  # of a plot, in its own units: pixels on a phone
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 28, 44


class Format(StrEnum):
    """The filter that writes the values; shares lie between 0 and 1."""

    SHARE = "percent"
    COEFFICIENT = "coefficient"
    NUMBER = "figure"


@dataclass(frozen=True)
class Mark:
    """A value with its 95 % interval; without a value it is said that there is not enough.

    `hint`: whose word it is, or how much it rests on; `series`, 0 to 3, gives colour and shape.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    hint: str = ""
    series: int = 0
    href: str = ""


@dataclass(frozen=True)
class Panel:
    """Marks under one title; all panels of a chart share their axis."""

    title: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Axis:
    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where it stands, from 0 to 1; what lies outside stands on the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def place(self, value: float) -> str:
        """For an attribute: `37.5%`."""
        return f"{100 * self.share(value):.2f}%"


@dataclass(frozen=True)
class Dots:
    """`reference`: where a line stands, as 50 % in win rates."""

    panels: tuple[Panel, ...]
    axis: Axis
    format: Format
    reference: float | None = None


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Plot:
    """Points joined by a line. `name` is unique in the page; `diagonal` draws where x equals y; `text` says it all."""

    name: str
    title: str
    points: tuple[Point, ...]
    x: Axis
    y: Axis
    x_title: str
    y_title: str
    format: Format = Format.SHARE
    diagonal: bool = False
    text: str = ""
    x_names: tuple[str, ...] = ()
    """What stands under the ticks of x, where they are no numbers."""

    def across(self, x: float) -> float:
        return round(LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT), 1)

    def down(self, y: float) -> float:
        return round(TOP + (1 - self.y.share(y)) * (HEIGHT - TOP - BOTTOM), 1)

    @property
    def line(self) -> str:
        return " ".join(f"{self.across(point.x)},{self.down(point.y)}" for point in self.points)


def dots(
    panels: Iterable[Panel], written: Format, *, include: Iterable[float] = (), reference: float | None = None
) -> Dots | None:
    """None where no mark has a value. `include`: what the axis must show, besides all marks and the reference."""
    kept = tuple(panel for panel in panels if any(mark.value is not None for mark in panel.marks))
    if not kept:
        return None
    shown = [number for panel in kept for mark in panel.marks for number in (mark.value, mark.low, mark.high)]
    return Dots(kept, axis_of([*shown, *include, reference]), written, reference)


def axis_of(numbers: Iterable[float | None]) -> Axis:
    """Round limits round all of them, with a tick at each end and at most five in all."""
    seen = [number for number in numbers if number is not None] or [0.0, 1.0]
    low, high = min(seen), max(seen)
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    step = _nice_step((high - low) / (MOST_TICKS - 1))
    while (ticks := _ticks(low, high, step)) and len(ticks) > MOST_TICKS:
        step = _nice_step(step * 1.01)
    return Axis(ticks[0], ticks[-1], ticks)


def _ticks(low: float, high: float, step: float) -> tuple[float, ...]:
    """The tolerance keeps a limit that is itself a tick from gaining another beyond it."""
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(step * number, 12) for number in range(first, last + 1))


def _nice_step(least: float) -> float:
    """The smallest round number that is not less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(nice * power for nice in NICE if nice * power >= least * (1 - 1e-9))


def series_of(names: Iterable[str]) -> dict[str, int]:
    """A colour and shape for each distinct name, in the order in which they come; the fifth begins again."""
    distinct: Sequence[str] = list(dict.fromkeys(names))
    return {name: number % 4 for number, name in enumerate(distinct)}
