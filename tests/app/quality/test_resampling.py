"""Intervals hold the truth as often as they say."""

import numpy as np
import pytest

from app.quality.agreement.coefficients import FLEISS_KAPPA, RAW_AGREEMENT, Coefficient, figure
from app.quality.agreement.pairs import STRICT_AGREEMENT
from app.quality.resampling import FEWEST_CLUSTERS, percentile_interval, sums_by_cluster

SIMULATIONS = 1000
PROMPTS, PAIRS, LABELERS = 100, 6, 3


def labels(random: np.random.Generator, prompts: int) -> np.ndarray:
    """Counts [prompts * PAIRS, 3] of LABELERS. How hard a prompt is bears on all its pairs."""
    ease = np.repeat(random.beta(4, 2, prompts), PAIRS)[:, None]
    truth = random.integers(0, 3, prompts * PAIRS)[:, None]
    guesses = random.integers(0, 3, (prompts * PAIRS, LABELERS))
    said = np.where(random.random((prompts * PAIRS, LABELERS)) < ease, truth, guesses)
    return np.stack([(said == label).sum(axis=1) for label in range(3)], axis=1).astype(float)


@pytest.mark.parametrize("coefficient", [STRICT_AGREEMENT, FLEISS_KAPPA], ids=["strict", "kappa"])
def test_ninety_five_of_a_hundred_intervals_hold_the_truth(coefficient: Coefficient) -> None:
    random = np.random.default_rng(7)
    truth = coefficient.of(labels(random, 200_000))
    clusters = np.repeat(np.arange(PROMPTS), PAIRS)
    held = 0
    for _ in range(SIMULATIONS):
        features = coefficient.features(labels(random, PROMPTS))
        interval = percentile_interval(features, clusters, coefficient.statistic, draws=500)
        assert interval is not None
        held += interval[0] <= truth <= interval[1]
    assert 0.93 <= held / SIMULATIONS <= 0.97


def test_pairs_of_one_prompt_are_drawn_together() -> None:
    """All pairs of a prompt alike: as if there were one for each prompt, not six."""
    random = np.random.default_rng(1)
    once = np.eye(2)[random.integers(0, 2, 50)] * 2
    clusters = np.arange(50)
    alone = percentile_interval(RAW_AGREEMENT.features(once + [[1, 0]] * 50), clusters, RAW_AGREEMENT.statistic)
    six = np.repeat(once + [[1, 0]] * 50, 6, axis=0)
    together = percentile_interval(RAW_AGREEMENT.features(six), np.repeat(clusters, 6), RAW_AGREEMENT.statistic)
    assert together == pytest.approx(alone)


def test_the_same_data_have_the_same_interval_every_time() -> None:
    counts = labels(np.random.default_rng(2), PROMPTS)
    clusters = np.repeat(np.arange(PROMPTS), PAIRS)
    assert figure(RAW_AGREEMENT, counts, clusters) == figure(RAW_AGREEMENT, counts, clusters)


def test_many_clusters_are_drawn_in_blocks_that_add_up() -> None:
    random = np.random.default_rng(3)
    many = 12_000
    features = np.column_stack([random.random(many) < 0.7, np.ones(many)]).astype(float)
    interval = percentile_interval(features, np.arange(many), RAW_AGREEMENT.statistic, draws=400)
    assert interval is not None
    half = 1.96 * np.sqrt(0.7 * 0.3 / many)
    assert np.diff(interval)[0] == pytest.approx(2 * half, rel=0.15)


def test_too_few_prompts_have_no_interval_but_a_value() -> None:
    few = FEWEST_CLUSTERS - 1
    counts = np.tile([[2.0, 0.0]], (few, 1))
    found = figure(RAW_AGREEMENT, counts, np.arange(few))
    assert (found.value, found.low, found.high) == (1, None, None)


def test_features_add_up_by_cluster_whatever_their_order() -> None:
    sums = sums_by_cluster(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([9, 4, 9]))
    assert sums.tolist() == [[3, 4], [6, 8]]
