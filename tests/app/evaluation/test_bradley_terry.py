import numpy as np
import pytest

from app.evaluation.bradley_terry import strengths

TRUTH = {1: 0.0, 2: 0.5, 3: 1.2, 4: -0.4}
TIES = 0.3  # the log of v


def outcome(draw, first, second, ties=TIES):
    """As Davidson's model draws it, one of three places."""
    difference = TRUTH[first] - TRUTH[second]
    weights = np.exp([difference / 2, ties, -difference / 2])
    return int(draw.choice(3, p=weights / weights.sum()))


def drawn(draw, prompts, pairs=((1, 2), (1, 3), (2, 3), (3, 4), (2, 4)), ties=TIES):
    found = {}
    for prompt in range(prompts):
        found[prompt] = {}
        for first, second in pairs:
            counts = [0.0, 0.0, 0.0]
            counts[outcome(draw, first, second, ties)] += 1
            found[prompt][first, second] = tuple(counts)
    return found


def test_strengths_and_ties_are_recovered():
    found = strengths(drawn(np.random.default_rng(1), 6000), baseline=1)
    assert [each.policy for each in found.policies] == [1, 2, 3, 4]
    for each in found.policies:
        assert each.value == pytest.approx(TRUTH[each.policy], abs=0.1)
    assert found.ties == pytest.approx(TIES, abs=0.08)


def test_the_share_of_ties_changes_no_strength():
    few, many = (
        strengths(drawn(np.random.default_rng(2), 6000, ties=ties), baseline=1).policies[2].value
        for ties in (-2.0, 1.5)
    )
    assert few == pytest.approx(many, abs=0.15)


def test_the_order_within_a_pair_changes_nothing():
    given = drawn(np.random.default_rng(3), 50)
    turned = {
        prompt: {(second, first): counts[::-1] for (first, second), counts in pairs.items()}
        for prompt, pairs in given.items()
    }
    one, other = (strengths(each, baseline=2) for each in (given, turned))
    assert [each.value for each in one.policies] == pytest.approx([each.value for each in other.policies])


def test_another_baseline_moves_all_strengths_alike():
    given = drawn(np.random.default_rng(4), 400)
    from_one = {each.policy: each.value for each in strengths(given, baseline=1).policies}
    from_three = {each.policy: each.value for each in strengths(given, baseline=3).policies}
    moved = [from_one[policy] - from_three[policy] for policy in TRUTH]
    assert moved == pytest.approx([moved[0]] * 4, abs=0.01)


def test_intervals_hold_the_truth_nearly_always():
    draw = np.random.default_rng(5)
    held = [
        each.low <= TRUTH[each.policy] <= each.high
        for _ in range(80)
        for each in strengths(drawn(draw, 120), baseline=1).policies[1:]
    ]
    assert 0.90 <= np.mean(held) <= 0.99  # of 240, three of each world not independent


def test_a_policy_that_never_lost_is_strong_within_reason():
    found = strengths({prompt: {(1, 2): (0.0, 0.0, 1.0)} for prompt in range(40)}, baseline=1)
    assert 3 < found.policies[1].value < 30


def test_policies_that_were_never_compared_with_the_baseline_are_named_apart():
    verdicts = {1: {(1, 2): (1.0, 0.0, 0.0)}, 2: {(8, 9): (1.0, 0.0, 0.0)}}
    found = strengths(verdicts, baseline=1)
    assert [each.policy for each in found.policies] == [1, 2]
    assert found.unconnected == (8, 9)
    assert strengths(verdicts, baseline=5) is None
