"""Means of judgements that are not independent, because several are about one prompt, with 95 % intervals.

The variance is that of a ratio estimator over prompts (Cochran, Sampling Techniques, section 6.3).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FEWEST_PROMPTS = 10  # under which a figure is not shown
TWO_SIDED_95 = 0.975
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Cluster:
    """What was said about one prompt: the sum of so many values."""

    total: float
    count: int


@dataclass(frozen=True)
class Mean:
    """`low` and `high`: 95 % interval; None with fewer than two prompts."""

    value: float
    low: float | None
    high: float | None
    count: int
    prompts: int


def clustered_mean(clusters: Iterable[Cluster]) -> Mean | None:
    """None where nothing was said. Student's t, with a degree of freedom less than there are prompts."""
    found = _with_values(clusters)
    if not found:
        return None
    from scipy.special import stdtrit  # 25 MB that pages without a mean need not hold

    value = _value(found)
    if len(found) < 2:
        return Mean(value, None, None, _count(found), len(found))
    half = float(stdtrit(len(found) - 1, TWO_SIDED_95)) * math.sqrt(_variance(found, value))
    return Mean(value, value - half, value + half, _count(found), len(found))


def clustered_share(clusters: Iterable[Cluster]) -> Mean | None:
    """Of values from 0 to 1; None where nothing was said.

    The interval is Wilson's for the effective number of values, so that it stays within 0 and 1 and keeps its width
    where all values are alike.
    """
    found = _with_values(clusters)
    if not found:
        return None
    share = _value(found)
    if len(found) < 2:
        return Mean(share, None, None, _count(found), len(found))
    variance = _variance(found, share)
    effective = share * (1 - share) / variance if variance > 0 else float(len(found))
    low, high = _wilson(share, effective)
    return Mean(share, low, high, _count(found), len(found))


def _with_values(clusters: Iterable[Cluster]) -> list[Cluster]:
    return [cluster for cluster in clusters if cluster.count]


def _count(clusters: Sequence[Cluster]) -> int:
    return sum(cluster.count for cluster in clusters)


def _value(clusters: Sequence[Cluster]) -> float:
    return sum(cluster.total for cluster in clusters) / _count(clusters)


def _variance(clusters: Sequence[Cluster], value: float) -> float:
    squares = sum((cluster.total - value * cluster.count) ** 2 for cluster in clusters)
    return squares * len(clusters) / (len(clusters) - 1) / _count(clusters) ** 2


def _wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson (1927): the shares that a normal test at 5 % would not refuse, n values having been seen."""
    square = NORMAL_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return middle - half, middle + half
