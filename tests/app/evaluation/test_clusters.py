import numpy as np
import pytest

from app.evaluation.clusters import Cluster, clustered_mean, clustered_share

WORLDS = 1000


def test_the_interval_of_a_mean_holds_the_truth_in_about_95_of_100_worlds_with_clusters():
    draw = np.random.default_rng(3)
    prompts = draw.normal(4.0, 1.0, (WORLDS, 100))  # how good the policy is on each prompt: mean 4
    ratings = prompts[:, :, None] + draw.normal(0, 0.8, (WORLDS, 100, 3))
    held = 0
    for world in ratings:
        found = clustered_mean(Cluster(float(each.sum()), 3) for each in world)
        held += found.low <= 4.0 <= found.high
    assert 0.93 <= held / WORLDS <= 0.97


def test_the_interval_of_a_rare_flag_holds_the_truth_in_about_95_of_100_worlds():
    draw = np.random.default_rng(4)
    often = draw.beta(1, 9, (WORLDS, 150))  # how often the flag is set on each prompt: mean .1
    flags = draw.random((WORLDS, 150, 2)) < often[:, :, None]
    held = 0
    for world in flags:
        found = clustered_share(Cluster(float(each.sum()), 2) for each in world)
        held += found.low <= 0.1 <= found.high
    assert 0.93 <= held / WORLDS <= 0.97


def test_a_flag_that_was_never_set_may_still_be_set_some_day():
    never = clustered_share([Cluster(0, 1)] * 50)
    assert never.value == 0
    assert never.low == pytest.approx(0)
    assert 0.05 < never.high < 0.1


def test_a_mean_counts_values_and_not_prompts():
    assert clustered_mean([Cluster(12, 3), Cluster(1, 1)]).value == pytest.approx(13 / 4)


def test_one_prompt_gives_no_interval_and_nothing_gives_no_mean():
    one = clustered_mean([Cluster(12, 3)])
    assert (one.value, one.low, one.high, one.count, one.prompts) == (4, None, None, 3, 1)
    assert clustered_mean([Cluster(0, 0)]) is None
