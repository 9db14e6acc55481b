"""Bootstrap intervals: whole clusters (prompts, usually) drawn with replacement, percentiles of what comes out.

What labelers say of one prompt is not independent, so prompts are drawn and not answers (Davison and Hinkley,
Bootstrap Methods and their Application, section 3.8). Every statistic here is a function of sums over items, so a
draw is a weighted sum and no item is looked at twice.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Statistic = Callable[[Floats], Floats]  # sums [..., F] -> values [...], not a number where undefined

DRAWS = 1000
SEED = 20220304  # fixed, so that a page says the same when it is opened again
FEWEST_CLUSTERS = 10  # under these an interval would say more of the method than of the labelers
MOST_UNDEFINED = 0.05
BLOCK_CELLS = 4_000_000


def sums_by_cluster(features: Floats, clusters: Integers) -> Floats:
    """`features` [N, F] of items, added up for each distinct cluster: [G, F]."""
    _, places = np.unique(clusters, return_inverse=True)
    return np.stack([np.bincount(places, weights=column) for column in features.T], axis=1)


def percentile_interval(
    features: Floats, clusters: Integers, statistic: Statistic, *, draws: int = DRAWS, level: float = 0.95
) -> tuple[float, float] | None:
    """None with too few clusters, without draws, or where too many draws leave the statistic undefined."""
    if not len(features) or not draws:
        return None
    sums = sums_by_cluster(features, clusters)
    if len(sums) < FEWEST_CLUSTERS:
        return None
    values = np.concatenate([statistic(weights @ sums) for weights in draws_of(len(sums), draws)])
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - MOST_UNDEFINED) * draws:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def draws_of(clusters: int, draws: int) -> Iterator[Floats]:
    """How often each cluster is drawn, [draws, clusters] in blocks of bounded memory; the same whenever it is asked."""
    if clusters * draws <= BLOCK_CELLS:
        yield _kept_weights(clusters, draws)
        return
    generator = np.random.default_rng(SEED)
    for first in range(0, draws, rows := max(1, BLOCK_CELLS // clusters)):
        yield _drawn(generator, clusters, min(rows, draws - first))


@lru_cache(maxsize=4)
def _kept_weights(clusters: int, draws: int) -> Floats:
    return _drawn(np.random.default_rng(SEED), clusters, draws)


def _drawn(generator: np.random.Generator, clusters: int, draws: int) -> Floats:
    chosen = generator.integers(clusters, size=(draws, clusters))
    chosen += np.arange(draws)[:, None] * clusters
    return np.bincount(chosen.ravel(), minlength=draws * clusters).reshape(draws, clusters).astype(np.float64)
