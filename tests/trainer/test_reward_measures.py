import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.tiny import make_group
from trainer.groups import RankedGroup
from trainer.reward_measures import calibration, correlation_within, measures

LONG_IS_BETTER = make_group((1, 2, 3), lengths=(9, 6, 3))
OF_HELD_OUT = replace(make_group((1, 2), lengths=(2, 8), seed=1), cohort="held_out")


def test_accuracy_is_told_apart_by_cohort_and_by_k() -> None:
    found = measures([torch.tensor([3.0, 1.0, 2.0]), torch.tensor([0.0, 1.0])], [LONG_IS_BETTER, OF_HELD_OUT])
    assert (found["won"], found["pairs"], found["accuracy"]) == (2.0, 4, 0.5)
    assert found["by_cohort"] == {
        "held_out": {"won": 0.0, "pairs": 1, "accuracy": 0.0},
        "training": {"won": 2.0, "pairs": 3, "accuracy": 0.6667},
    }
    assert {name: part["pairs"] for name, part in found["by_k"].items()} == {"2": 1, "3": 3}


def test_nothing_to_measure_is_no_error() -> None:
    found = measures([], [])
    assert found["accuracy"] is None
    assert found["length_correlation"] is None
    assert found["by_k"] == {}
    assert found["calibration"] == []
    assert found["calibration_error"] is None


def test_a_taste_for_length_shows_beside_that_of_people() -> None:
    scores = [torch.tensor([9.0, 6.0, 3.0]) + 100, torch.tensor([2.0, 8.0])]
    found = measures(scores, [LONG_IS_BETTER, OF_HELD_OUT])
    assert found["length_correlation"] == pytest.approx(1.0)
    assert -1 < found["length_correlation_of_people"] < 0.5


def test_only_differences_within_a_prompt_count() -> None:
    """Between the prompts length and score rise together; within them they do not."""
    scores = [torch.tensor([1.0, 0.0]), torch.tensor([11.0, 10.0])]
    lengths = [torch.tensor([1.0, 2.0]), torch.tensor([101.0, 102.0])]
    assert correlation_within(scores, lengths) == pytest.approx(-1.0)
    assert correlation_within([torch.tensor([1.0, 1.0])], lengths[:1]) is None


def pairs_ahead_by(lead: float, right: int, wrong: int) -> tuple[list[torch.Tensor], list[RankedGroup]]:
    """Pairs in which the model leads with `lead` to the better output `right` times, and to the worse `wrong` times."""
    scores = [torch.tensor([lead, 0.0])] * right + [torch.tensor([0.0, lead])] * wrong
    return scores, [make_group((1, 2), lengths=(2, 3))] * (right + wrong)


def test_a_model_that_is_as_often_right_as_it_says_is_calibrated() -> None:
    scores, groups = pairs_ahead_by(math.log(3), right=3, wrong=1)
    found = calibration(scores, groups)
    assert found["calibration"] == [{"from": 0.75, "to": 0.8, "pairs": 4, "predicted": 0.75, "observed": 0.75}]
    assert found["calibration_error"] == 0.0


def test_a_model_that_is_too_sure_of_itself_is_found_out_bin_by_bin() -> None:
    sure, unsure = pairs_ahead_by(10.0, right=3, wrong=3), pairs_ahead_by(0.0, right=1, wrong=1)
    found = calibration(sure[0] + unsure[0], sure[1] + unsure[1])
    assert [(one["from"], one["pairs"], one["observed"]) for one in found["calibration"]] == [
        (0.5, 2, 0.5),
        (0.95, 6, 0.5),
    ]
    assert found["calibration_error"] == pytest.approx(0.5 * 6 / 8, abs=1e-4)


def test_what_people_tied_neither_speaks_for_nor_against_the_model() -> None:
    assert calibration([torch.tensor([5.0, 0.0])], [make_group((1, 1), lengths=(2, 3))])["calibration"] == []


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=5), st.integers(-5, 5))
def test_every_untied_pair_is_in_one_bin_and_a_constant_changes_nothing(row: list[int], constant: int) -> None:
    group = make_group(range(1, len(row) + 1), lengths=[2] * len(row))
    found = calibration([torch.tensor(row)], [group])
    assert found == calibration([torch.tensor(row) + constant], [group])
    assert sum(one["pairs"] for one in found["calibration"]) == len(row) * (len(row) - 1) // 2
    assert all(one["from"] <= one["predicted"] <= one["to"] for one in found["calibration"])
