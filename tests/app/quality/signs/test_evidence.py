"""Evidence may be looked at after every answer."""

import numpy as np
import pytest

from app.quality.signs.evidence import evidence, in_decimals, mean_factor, of_events


def test_honest_labelers_seldom_cross_however_often_one_looks() -> None:
    rng = np.random.default_rng(3)
    alpha, honest = 0.05, 0.2
    crossed = 0
    for _ in range(600):
        happened = rng.random(150) < honest
        course = evidence([of_events(happened.tolist(), honest, otherwise) for otherwise in (0.4, 0.8)])
        crossed += bool(course.max() >= np.log(1 / alpha))
    assert 0 < crossed / 600 <= alpha, "Ville's inequality, with something to spare"


def test_evidence_is_the_mean_over_starts_and_alternatives() -> None:
    one, other = [np.log(2.0), np.log(3.0)], [np.log(0.5), np.log(0.5)]
    # starts: at the first answer with 1/2, at the second with 1/6, later with 1/3
    first = [1 / 2 * 2 + 1 / 2, 1 / 2 * 6 + 1 / 6 * 3 + 1 / 3]
    second = [1 / 2 * 0.5 + 1 / 2, 1 / 2 * 0.25 + 1 / 6 * 0.5 + 1 / 3]
    expected = np.log((np.array(first) + np.array(second)) / 2)
    assert evidence([np.array(one), np.array(other)]) == pytest.approx(expected)


def test_somebody_who_changes_is_noticed_nearly_as_soon() -> None:
    good = of_events([False] * 100, 0.2, 0.9)
    bad = of_events([True] * 10, 0.2, 0.9)
    course = evidence([np.concatenate([good, bad])])
    assert in_decimals(course[99]) < 0.1
    assert in_decimals(course[-1]) > in_decimals(float(bad.sum())) - 4.2


def test_an_events_factor_is_fair_at_the_honest_rate() -> None:
    yes, no = np.exp(of_events([True, False], 0.3, 0.7))
    assert 0.3 * yes + 0.7 * no == pytest.approx(1)
    assert 0.1 * yes + 0.9 * no < 1


def test_several_factors_of_one_answer_become_their_mean() -> None:
    assert mean_factor([np.log(1.0), np.log(3.0)]) == pytest.approx(np.log(2.0))
