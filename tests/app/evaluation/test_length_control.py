import numpy as np
import pytest
from scipy.special import expit

from app.evaluation.length_control import LengthVerdict, length_controlled

PREFERENCE, LENGTH = 0.4, 1.5


def drawn(draw, prompts, longer=300.0):
    """Verdicts of people who like the policy, and length more; the policy writes `longer` characters on average."""
    differences = draw.normal(longer, 300, prompts)
    likely = expit(PREFERENCE + LENGTH * np.tanh(differences / differences.std()))
    return [
        LengthVerdict(prompt, float(draw.random() < chance), difference)
        for prompt, (chance, difference) in enumerate(zip(likely, differences, strict=True))
    ]


def test_the_rate_at_equal_length_is_recovered_and_is_not_the_plain_rate():
    verdicts = drawn(np.random.default_rng(1), 20_000)
    found = length_controlled(verdicts)
    assert found.rate == pytest.approx(expit(PREFERENCE), abs=0.02)
    assert found.length_effect == pytest.approx(LENGTH, abs=0.15)
    assert np.mean([verdict.outcome for verdict in verdicts]) > found.rate + 0.1


def test_the_interval_holds_the_truth_in_about_95_of_100_worlds_with_clusters():
    draw = np.random.default_rng(2)
    held, worlds = 0, 400
    for _ in range(worlds):
        once = drawn(draw, 150)
        found = length_controlled([*once, *once])  # everything said twice tells nothing new
        held += found.low <= expit(PREFERENCE) <= found.high
    assert 0.92 <= held / worlds <= 0.98


def test_seen_from_the_other_policy_all_is_turned_round():
    verdicts = drawn(np.random.default_rng(3), 200)
    turned = [LengthVerdict(each.prompt_id, 1 - each.outcome, -each.longer_by) for each in verdicts]
    ours, theirs = length_controlled(verdicts), length_controlled(turned)
    assert (ours.rate, ours.low) == pytest.approx((1 - theirs.rate, 1 - theirs.high))


def test_few_prompts_and_equal_differences_give_nothing():
    assert length_controlled(drawn(np.random.default_rng(4), 9)) is None
    assert length_controlled([LengthVerdict(prompt, 1.0, 7) for prompt in range(50)]) is None


def test_verdicts_that_all_agree_still_end():
    found = length_controlled([LengthVerdict(prompt, 1.0, prompt) for prompt in range(50)])
    assert found.rate > 0.9
