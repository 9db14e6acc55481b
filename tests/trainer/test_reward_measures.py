from dataclasses import replace

import pytest
import torch

from tests.trainer.tiny import make_group
from trainer.reward_measures import correlation_within, measures

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
