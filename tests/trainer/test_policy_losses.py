"""Signs and flat places of the PPO losses."""

import pytest
import torch

from trainer.policy_losses import clipped_policy_loss, clipped_value_loss, outside_clip, probability_ratio

OLD = torch.log(torch.tensor([[0.5]]))


def gradient_of_policy_loss(ratio: float, advantage: float) -> float:
    logprobs = (OLD + torch.log(torch.tensor(ratio))).requires_grad_()
    clipped_policy_loss(logprobs, OLD, torch.tensor([[advantage]]), 0.2).sum().backward()
    assert logprobs.grad is not None
    return logprobs.grad.item()


def test_the_first_minibatch_has_ratio_1_and_the_plain_policy_gradient() -> None:
    assert probability_ratio(OLD, OLD).item() == 1
    assert gradient_of_policy_loss(1.0, 3.0) == pytest.approx(-3)
    assert gradient_of_policy_loss(1.0, -3.0) == pytest.approx(3)


@pytest.mark.parametrize(("ratio", "advantage"), [(1.5, 1.0), (0.5, -1.0)])
def test_a_token_moved_far_enough_moves_no_further(ratio: float, advantage: float) -> None:
    assert gradient_of_policy_loss(ratio, advantage) == 0


@pytest.mark.parametrize(("ratio", "advantage"), [(0.5, 1.0), (1.5, -1.0)])
def test_a_token_moved_the_wrong_way_is_brought_back(ratio: float, advantage: float) -> None:
    assert gradient_of_policy_loss(ratio, advantage) == pytest.approx(-advantage * ratio)


def test_a_huge_ratio_stays_finite() -> None:
    assert torch.isfinite(probability_ratio(torch.tensor([0.0]), torch.tensor([-1e4]))).all()


def gradient_of_value_loss(value: float, returns: float) -> float:
    values = torch.tensor([[value]], requires_grad=True)
    clipped_value_loss(values, torch.zeros(1, 1), torch.tensor([[returns]]), 0.2).sum().backward()
    assert values.grad is not None
    return values.grad.item()


def test_a_value_within_its_range_follows_the_squared_error() -> None:
    assert gradient_of_value_loss(0.1, 1.0) == pytest.approx(0.1 - 1.0)


def test_a_value_beyond_its_range_goes_no_further_but_may_come_back() -> None:
    assert gradient_of_value_loss(0.5, 1.0) == 0
    assert gradient_of_value_loss(0.5, 0.0) == pytest.approx(0.5)


def test_only_values_beyond_the_clip_are_outside() -> None:
    moved = torch.tensor([0.0, 0.19, -0.21, 0.5])
    assert outside_clip(moved, torch.zeros(4), 0.2).tolist() == [False, False, True, True]
