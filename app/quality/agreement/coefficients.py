"""Coefficients of agreement, each a function of sums over items: pure, on numpy arrays.

The data are counts [N, C]: how many raters gave item n the label c. Raters may be missing anywhere. Each coefficient
is a pair: `features` of an item, which add up over items, and `statistic`, which turns their sums into the value. So
the same two functions give the figure and, over drawn clusters, its interval.

Sources: Cohen 1960; Fleiss 1971; Krippendorff, Content Analysis, chapter 12; Gwet, Handbook of Inter-Rater
Reliability, chapters 2 to 4 (also for missing raters); Kendall 1945; WMT: Bojar et al. 2016, section 3.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.quality.resampling import DRAWS, Floats, Integers, Statistic, percentile_interval


class Undefined(StrEnum):
    """Why there is no value. A coefficient that cannot be had is not 0."""

    NOTHING_SHARED = "nothing_shared"  # no item was judged twice
    CONSTANT = "constant"  # everybody gave every item the same label: agreement by chance would be perfect, too
    ALL_TIED = "all_tied"  # no two labelers both put the same two outputs in an order


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval and what it rests on; `low` and `high` are None where there is too little data.

    `items` were judged by two or more; `comparisons` are the pairs of judgements that were set side by side;
    `clusters` were drawn for the interval.
    """

    value: float | None
    low: float | None
    high: float | None
    items: int
    comparisons: int
    clusters: int
    undefined: Undefined | None = None


def rater_pairs(counts: Floats) -> Floats:
    """[N]: pairs of raters of the item."""
    raters = counts.sum(axis=1)
    return np.asarray(raters * (raters - 1) / 2)


@dataclass(frozen=True)
class Coefficient:
    features: Callable[[Floats], Floats]  # counts [N, C] -> [N, F]
    statistic: Statistic
    where_undefined: Undefined = Undefined.CONSTANT  # why, though items were shared
    compared: Callable[[Floats], Floats] = rater_pairs  # counts [N, C] -> [N]

    def of(self, counts: Floats) -> float:
        """The value over all items; not a number where it is undefined."""
        return float(self.statistic(self.features(counts).sum(axis=0)))


def figure(coefficient: Coefficient, counts: Floats, clusters: Integers, *, draws: int = DRAWS) -> Figure:
    """`clusters` [N] names the prompt, or whatever else is drawn, of each item."""
    comparisons = int(coefficient.compared(counts).sum())
    shared = counts.sum(axis=1) >= 2
    found = figure_of(coefficient.features(counts), clusters, coefficient.statistic, comparisons, shared, draws)
    return replace(found, undefined=coefficient.where_undefined) if found.undefined is Undefined.CONSTANT else found


def figure_of(
    features: Floats,
    clusters: Integers,
    statistic: Statistic,
    comparisons: int,
    shared: NDArray[np.bool_],
    draws: int = DRAWS,
) -> Figure:
    """From features that add up; `shared` [N] marks the items that two or more judged."""
    items, groups = int(shared.sum()), len(np.unique(clusters[shared]))
    if not items:
        return Figure(None, None, None, 0, 0, 0, Undefined.NOTHING_SHARED)
    value = float(statistic(features.sum(axis=0)))
    if not np.isfinite(value):
        return Figure(None, None, None, items, comparisons, groups, Undefined.CONSTANT)
    low, high = percentile_interval(features, clusters, statistic, draws=draws) or (None, None)
    return Figure(value, low, high, items, comparisons, groups)


def share(part: Floats, whole: Floats) -> Floats:
    """`part / whole`; not a number where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def beyond_chance(observed: Floats, by_chance: Floats) -> Floats:
    """(observed - chance) / (1 - chance); not a number where chance alone is perfect."""
    return share(observed - by_chance, np.where(by_chance < 1 - 1e-12, 1 - by_chance, 0.0))


def _equal_pairs(counts: Floats) -> Floats:
    """[N]: pairs of raters who gave the item the same label."""
    return np.asarray((counts * (counts - 1) / 2).sum(axis=1))


# The share of pairs of raters who say the same of the same item.
RAW_AGREEMENT = Coefficient(
    lambda counts: np.stack([_equal_pairs(counts), rater_pairs(counts)], axis=1),
    lambda sums: share(sums[..., 0], sums[..., 1]),
)


def _by_item(counts: Floats) -> Floats:
    """[N, 3 + C]: agreement within the item, whether it has any pair, whether it has any rater, shares of its labels.

    Each item weighs the same however many raters it has (Gwet, section 2.5); with equally many this is Fleiss's own.
    """
    pairs, raters = rater_pairs(counts), counts.sum(axis=1)
    within = np.where(pairs > 0, _equal_pairs(counts) / np.maximum(pairs, 1), 0.0)
    shares = counts / np.maximum(raters, 1)[:, None]
    return np.column_stack([within, pairs > 0, raters > 0, shares])


def _fleiss(sums: Floats) -> Floats:
    labels = share(sums[..., 3:], sums[..., 2:3])
    return beyond_chance(share(sums[..., 0], sums[..., 1]), (labels**2).sum(axis=-1))


def _gwet(sums: Floats) -> Floats:
    labels = share(sums[..., 3:], sums[..., 2:3])
    by_chance = (labels * (1 - labels)).sum(axis=-1) / max(labels.shape[-1] - 1, 1)
    return beyond_chance(share(sums[..., 0], sums[..., 1]), by_chance)


FLEISS_KAPPA = Coefficient(_by_item, _fleiss)
# C counts the labels that could have been given, not only those that were.
GWET_AC1 = Coefficient(_by_item, _gwet)


def _coincidences(counts: Floats) -> Floats:
    """[N, C * C]: ordered pairs of labels within the item over its raters less one; none for a single rater."""
    size = counts.shape[1]
    raters = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(size)
    return np.asarray((pairs / np.maximum(raters - 1, 1)[:, None, None]).reshape(len(counts), size * size))


Distances = Callable[[Floats], Floats]  # how often each label was given [..., C] -> squared distances [..., C, C]


def nominal_distances(totals: Floats) -> Floats:
    return np.asarray(1 - np.eye(totals.shape[-1]))


def ordinal_distances(totals: Floats) -> Floats:
    """By how many judgements lie between two labels, half of those of the two themselves included."""
    middles = np.cumsum(totals, axis=-1) - totals / 2
    return np.asarray((middles[..., :, None] - middles[..., None, :]) ** 2)


def interval_distances(values: Floats) -> Distances:
    squares = (values[:, None] - values[None, :]) ** 2
    return lambda _totals: squares


def krippendorff_alpha(distances: Distances) -> Coefficient:
    """1 less disagreement seen over disagreement expected; the level of measurement is in the distances."""

    def alpha(sums: Floats) -> Floats:
        size = round(sums.shape[-1] ** 0.5)
        seen = sums.reshape(*sums.shape[:-1], size, size)
        totals = seen.sum(axis=-1)
        every = totals.sum(axis=-1)
        squares = distances(totals)
        observed = (seen * squares).sum(axis=(-2, -1))
        expected = (totals[..., :, None] * totals[..., None, :] * squares).sum(axis=(-2, -1))
        return 1 - share(observed * (every - 1), expected)

    return Coefficient(_coincidences, alpha)


def cohen_features(first: Integers, second: Integers, labels: int) -> Floats:
    """[N, C * C]: the table of two raters, item by item; their labels are numbered from 0."""
    table = np.zeros((len(first), labels * labels))
    table[np.arange(len(first)), first * labels + second] = 1
    return table


def cohen_kappa(sums: Floats) -> Floats:
    """From the summed table [..., C * C] of two raters."""
    size = round(sums.shape[-1] ** 0.5)
    table = sums.reshape(*sums.shape[:-1], size, size)
    every = table.sum(axis=(-2, -1))
    observed = share(np.trace(table, axis1=-2, axis2=-1), every)
    by_chance = share((table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1), every**2)
    return beyond_chance(observed, by_chance)
