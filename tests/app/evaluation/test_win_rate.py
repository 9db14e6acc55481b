import random

import pytest

from app.evaluation.win_rate import Verdict, win_rate


def verdicts(*outcomes: float) -> list[Verdict]:
    return [Verdict(prompt_id, outcome) for prompt_id, outcome in enumerate(outcomes)]


def test_nothing_compared_has_no_rate():
    assert win_rate([]) is None


def test_ties_count_half():
    found = win_rate(verdicts(1, 1, 0.5, 0))
    assert found.rate == pytest.approx(0.625)
    assert (found.wins, found.ties, found.losses, found.prompts) == (2, 1, 1, 4)


def test_one_prompt_says_nothing_of_others():
    found = win_rate([Verdict(1, 1.0), Verdict(1, 0.0)])
    assert found.rate == 0.5
    assert found.low is None
    assert found.high is None


def test_without_clusters_and_ties_the_interval_is_wilson_s():
    # Wilson's interval of 8 in 10 is (.490, .943); the estimated variance is that of n - 1.
    found = win_rate(verdicts(*[1.0] * 8, 0, 0))
    assert found.low == pytest.approx(0.474, abs=0.003)
    assert found.high == pytest.approx(0.947, abs=0.003)


def test_verdicts_that_all_agree_leave_doubt():
    found = win_rate(verdicts(*[1.0] * 20))
    assert found.rate == 1.0
    assert 0.8 < found.low < 1.0


def test_repeating_a_verdict_on_the_same_prompt_narrows_nothing():
    once = win_rate(verdicts(1, 1, 0, 1, 0.5, 1, 0, 1))
    thrice = win_rate(verdicts(1, 1, 0, 1, 0.5, 1, 0, 1) * 3)
    assert thrice.rate == once.rate
    assert thrice.low == pytest.approx(once.low)
    assert thrice.high == pytest.approx(once.high)


def test_the_interval_holds_the_truth_in_about_95_of_100_worlds_with_clusters():
    draw = random.Random(5)
    held = 0
    worlds = 1000
    for _ in range(worlds):
        drawn = []
        for prompt_id in range(120):
            liking = draw.betavariate(3, 2)  # how likely this prompt favours the policy: mean .6
            drawn += [Verdict(prompt_id, float(draw.random() < liking)) for _ in range(3)]
        found = win_rate(drawn)
        held += found.low <= 0.6 <= found.high
    assert 0.93 <= held / worlds <= 0.97
