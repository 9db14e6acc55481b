"""A run's numbers as curves: in an order that people look for, and drawn on the server for who has no script."""

from dataclasses import dataclass
from itertools import pairwise

from app.runs.metrics import Curves

FIRST = ("loss", "accuracy", "validation_loss", "validation_accuracy", "score", "kl", "length", "entropy", "rate")
WIDTH, HEIGHT = 320, 120  # of a drawing, in its own units
POINTS = 160  # of a drawing


@dataclass(frozen=True)
class Drawing:
    """`line`: the points of a polyline in a box of 320 by 120; `low` and `high` are its lower and upper edge."""

    name: str
    line: str
    low: float
    high: float
    first: float
    last: float


def importance(name: str) -> tuple[int, str]:
    """A sort key: what a researcher looks at first, then the rest by name."""
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def in_order(curves: Curves) -> dict[str, list[float | None]]:
    return {name: curves.series[name] for name in sorted(curves.series, key=importance)}


def drawings(curves: Curves) -> list[Drawing]:
    """One for each number that was said at least once."""
    return [_drawing(name, curves.steps, values) for name, values in in_order(curves).items()]


def main_drawings(curves: Curves) -> list[Drawing]:
    """What a researcher looks at first; all where there is none of that."""
    every = drawings(curves)
    return [each for each in every if each.name in FIRST] or every


def _drawing(name: str, steps: list[float], values: list[float | None]) -> Drawing:
    known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
    numbers = [value for _, value in known]
    low, high = min(numbers), max(numbers)
    span, height = (steps[-1] - steps[0]) or 1.0, (high - low) or 1.0
    points = (
        f"{(step - steps[0]) / span * WIDTH:.1f},{HEIGHT - (value - low) / height * HEIGHT:.1f}"
        for step, value in thinned(known)
    )
    return Drawing(name, " ".join(points), low, high, numbers[0], numbers[-1])


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The least and the greatest of equal parts, in their order, so that no peak is lost."""
    if len(points) <= POINTS:
        return points
    edges = [round(part * len(points) / (POINTS // 2)) for part in range(POINTS // 2 + 1)]
    kept = []
    for start, end in pairwise(edges):
        part = points[start:end]
        extremes = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(extremes)
    return kept
