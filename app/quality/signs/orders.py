"""How likely one ranking is beside another: Mallows' model on Kendall's distance, ties and all. Pure functions.

Rankings are ranks, 1 the best. The distance counts the pairs that the centre orders: 1 where they are turned round, a
half where they are tied. Given which ranks somebody uses how often, the model weighs each way to deal them out by
exp(-theta distance): theta = 0 deals blindly, and the larger theta, the closer to the centre (Mallows 1957, "Non-null
ranking models"; Fligner and Verducci 1986).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, product
from math import comb

import numpy as np

from app.quality.resampling import Floats

STEEPEST = 20.0

Sizes = tuple[int, ...]  # how many share the best rank, the next, ...


def tie_sizes(ranks: Sequence[int]) -> Sizes:
    return tuple(count for _, count in sorted(Counter(ranks).items()))


def distance(centre: Sequence[int], ranks: Sequence[int]) -> float:
    """Over the pairs that the centre orders."""
    pairs = [(one, other) for one, other in combinations(range(len(centre)), 2) if centre[one] != centre[other]]
    products = [(centre[one] - centre[other]) * (ranks[one] - ranks[other]) for one, other in pairs]
    return sum(1.0 if each < 0 else 0.5 if each == 0 else 0.0 for each in products)


def pairs_ordered(centre: Sequence[int]) -> int:
    return comb(len(centre), 2) - sum(comb(size, 2) for size in tie_sizes(centre))


def log_weight(theta: float, centre: Sequence[int], ranks: Sequence[int]) -> float:
    """The logarithm of how much likelier these ranks are under `theta` than dealt out blindly."""
    return -theta * distance(centre, ranks) - _log_mean(theta, tie_sizes(centre), tie_sizes(ranks))


@lru_cache(maxsize=4096)
def theta_of(score: float, outputs: int) -> float:
    """Under which so many outputs, ranked without ties, agree with the centre on this share of pairs on average."""
    from scipy.optimize import brentq  # 30 MB that a web server need not hold

    strict = (1,) * outputs
    distances, chances = _dealt_blindly(strict, strict)

    def surplus(theta: float) -> float:
        weights = chances * np.exp(-theta * distances)
        return float(distances @ weights / weights.sum()) - (1 - score) * comb(outputs, 2)

    return float(brentq(surplus, 0, STEEPEST)) if surplus(0) > 0 > surplus(STEEPEST) else 0.0


@lru_cache(maxsize=65536)
def _log_mean(theta: float, centre: Sizes, ranks: Sizes) -> float:
    distances, chances = _dealt_blindly(centre, ranks)
    return float(np.log(chances @ np.exp(-theta * distances)))


@lru_cache(maxsize=4096)
def _dealt_blindly(centre: Sizes, ranks: Sizes) -> tuple[Floats, Floats]:
    """Distances and their chances, where ranks with these ties are dealt to the outputs by lot.

    The outputs of each place of the centre draw after those of the places before; `drawn` counts by rank what is gone.
    """
    ways: dict[Sizes, dict[int, int]] = {(0,) * len(ranks): {0: 1}}
    for place in centre:
        following: dict[Sizes, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for drawn, halves in ways.items():
            for hand in _hands(place, drawn, ranks):
                number = np.prod([comb(size - gone, n) for size, gone, n in zip(ranks, drawn, hand, strict=True)])
                further = _halves(drawn, hand)
                after = following[tuple(gone + n for gone, n in zip(drawn, hand, strict=True))]
                for half, count in halves.items():
                    after[half + further] += count * int(number)
        ways = following
    (totals,) = ways.values()
    counts = np.array(list(totals.values()), dtype=np.float64)
    return np.array(list(totals), dtype=np.float64) / 2, counts / counts.sum()


def _hands(place: int, drawn: Sizes, ranks: Sizes) -> list[Sizes]:
    """What `place` outputs may draw: how many of each rank."""
    left = [range(min(place, size - gone) + 1) for size, gone in zip(ranks, drawn, strict=True)]
    return [hand for hand in product(*left) if sum(hand) == place]


def _halves(drawn: Sizes, hand: Sizes) -> int:
    """Twice the distance that a hand adds: earlier outputs with a worse rank count two, with the same one."""
    return sum(n * (2 * sum(drawn[rank + 1 :]) + drawn[rank]) for rank, n in enumerate(hand))
