"""Mallows' model against enumeration."""

from collections import Counter
from itertools import permutations
from math import exp

import pytest

from app.quality.signs.orders import _dealt_blindly, distance, log_weight, pairs_ordered, theta_of, tie_sizes

CENTRES = [(1, 2, 3, 4), (1, 1, 2, 3), (2, 1, 2, 1), (1, 2, 2, 2)]
RANKS = [(1, 2, 3, 4), (1, 1, 2, 3), (1, 2, 2, 2), (1, 1, 1, 1)]


@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("ranks", RANKS)
def test_chances_of_distances_are_those_of_all_ways_to_deal(centre: tuple[int, ...], ranks: tuple[int, ...]) -> None:
    ways = Counter(distance(centre, dealt) for dealt in permutations(ranks))
    distances, chances = _dealt_blindly(tie_sizes(centre), tie_sizes(ranks))
    found = dict(zip(distances.tolist(), chances.tolist(), strict=True))
    assert found == pytest.approx({value: count / 24 for value, count in ways.items()})


@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("theta", [-0.7, 0.4, 2.0])
def test_weights_are_relative_to_dealing_blindly(centre: tuple[int, ...], theta: float) -> None:
    for ranks in RANKS:
        dealt = list(permutations(ranks))
        assert sum(exp(log_weight(theta, centre, each)) for each in dealt) == pytest.approx(len(dealt))


def test_distances_count_a_tie_half_and_pairs_that_the_centre_ties_not_at_all() -> None:
    assert distance((1, 2, 3), (3, 2, 1)) == 3
    assert distance((1, 2, 3), (1, 1, 1)) == 1.5
    assert distance((1, 1, 2), (2, 1, 3)) == 0
    assert pairs_ordered((1, 1, 2)) == 2


@pytest.mark.parametrize("outputs", [2, 5, 9])
@pytest.mark.parametrize("score", [0.55, 0.75, 0.9])
def test_theta_reaches_the_score_on_average(outputs: int, score: float) -> None:
    strict = (1,) * outputs
    distances, chances = _dealt_blindly(strict, strict)
    weights = [chance * exp(-theta_of(score, outputs) * far) for far, chance in zip(distances, chances, strict=True)]
    mean = sum(weight * far for weight, far in zip(weights, distances, strict=True)) / sum(weights)
    assert 1 - mean / pairs_ordered(range(outputs)) == pytest.approx(score)


def test_somebody_who_ties_everything_says_nothing() -> None:
    assert log_weight(1.3, (1, 2, 3), (1, 1, 1)) == pytest.approx(0)
