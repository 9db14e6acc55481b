"""Rewards, advantages and whitening: traps 5 to 8 of RLHF."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.advantages import (
    adapted_coefficient,
    explained_variance,
    generalized_advantages,
    kl_estimate,
    last_token_mask,
    penalised_rewards,
    whiten,
)


def mask_of_lengths(lengths: list[int], width: int) -> Tensor:
    return torch.arange(width) < torch.tensor(lengths)[:, None]


def discounted_sum_of_surprises(
    rewards: list[float], values: list[float], discount: float, trace_decay: float
) -> list[float]:
    """The definition of GAE, written out for one episode in O(T^2)."""
    following = [*values, 0.0][1:]
    surprise = [r + discount * after - now for r, now, after in zip(rewards, values, following, strict=True)]
    return [
        sum((discount * trace_decay) ** later * surprise[start + later] for later in range(len(surprise) - start))
        for start in range(len(surprise))
    ]


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=5),
    discount=st.sampled_from([1.0, 0.9]),
    trace_decay=st.sampled_from([0.0, 0.95, 1.0]),
    seed=st.integers(0, 1000),
)
def test_advantages_equal_their_definition_on_ragged_rows(
    lengths: list[int], discount: float, trace_decay: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, len(lengths), 7, generator=generator)
    mask = mask_of_lengths(lengths, 7)
    found = generalized_advantages(rewards, values, mask, discount, trace_decay)
    for row, length in enumerate(lengths):
        expected = discounted_sum_of_surprises(
            rewards[row, :length].tolist(), values[row, :length].tolist(), discount, trace_decay
        )
        assert found.advantages[row, :length].tolist() == pytest.approx(expected, abs=1e-5)
    assert not found.advantages[~mask].any()
    assert torch.allclose(found.returns, found.advantages + values.masked_fill(~mask, 0), atol=1e-6)


def test_nothing_leaks_out_of_padding() -> None:
    rewards, values = torch.randn(2, 3, 6)
    mask = mask_of_lengths([6, 3, 0], 6)
    poisoned = [tensor.masked_fill(~mask, torch.nan) for tensor in (rewards, values)]
    clean = generalized_advantages(rewards, values, mask, 1.0, 0.95)
    dirty = generalized_advantages(*poisoned, mask, 1.0, 0.95)
    assert torch.equal(clean.advantages, dirty.advantages)
    assert torch.equal(clean.returns, dirty.returns)


def test_advantages_do_not_depend_on_where_the_response_starts() -> None:
    rewards, values = torch.randn(2, 1, 4)
    mask = torch.tensor([[True, True, True, False]])
    shifted = [torch.nn.functional.pad(tensor, (2, 0), value=9.0) for tensor in (rewards, values)]
    here = generalized_advantages(rewards, values, mask, 1.0, 0.9).advantages
    there = generalized_advantages(*shifted, torch.nn.functional.pad(mask, (2, 0)), 1.0, 0.9).advantages
    assert torch.allclose(here, there[:, 2:])


def test_whitened_values_have_mean_0_and_variance_1_over_real_tokens() -> None:
    mask = mask_of_lengths([5, 2, 0, 1], 5)
    values = (torch.randn(4, 5) * 3 + 7).masked_fill(~mask, 1e6)
    white = whiten(values, mask)
    assert white[mask].mean().item() == pytest.approx(0, abs=1e-5)
    assert white[mask].var(correction=0).item() == pytest.approx(1, abs=1e-4)
    assert not white[~mask].any()


@pytest.mark.parametrize("real_tokens", [0, 1])
def test_whitening_next_to_nothing_gives_zeros_and_not_nan(real_tokens: int) -> None:
    values = torch.full((1, 4), torch.nan)
    values[:, :real_tokens] = 3.0
    assert torch.equal(whiten(values, mask_of_lengths([real_tokens], 4)), torch.zeros(1, 4))


def test_the_score_lands_on_the_last_real_token() -> None:
    mask = mask_of_lengths([2, 4, 1], 4)  # ended early, fills the length, one token
    rewards = penalised_rewards(torch.tensor([5.0, 6.0, 7.0]), torch.zeros(3, 4), mask, 0.1)
    assert rewards.tolist() == [[0, 5, 0, 0], [0, 0, 0, 6], [7, 0, 0, 0]]


def test_an_empty_completion_earns_nothing() -> None:
    mask = mask_of_lengths([0, 1], 2)
    rewards = penalised_rewards(torch.tensor([5.0, 6.0]), torch.full((2, 2), torch.nan), mask, 0.0)
    assert rewards[0].tolist() == [0, 0]
    assert not last_token_mask(mask)[0].any()


def test_every_token_pays_for_its_kl() -> None:
    kl = torch.tensor([[1.0, 2.0, 100.0]])
    rewards = penalised_rewards(torch.tensor([10.0]), kl, mask_of_lengths([2], 3), 0.5)
    assert rewards.tolist() == [[-0.5, 9.0, 0.0]]


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_the_mean_of_an_unbiased_estimator_is_the_exact_kl(estimator: str) -> None:
    policy, reference = torch.randn(2, 6, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    exact = (policy.exp() * (policy - reference)).sum()
    mean = (policy.exp() * kl_estimate(policy, reference, estimator)).sum()  # type: ignore[arg-type]
    assert mean.item() == pytest.approx(exact.item(), abs=1e-6)


def test_k2_nears_the_exact_kl_of_close_distributions() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(6, generator=generator)
    policy, reference = logits.log_softmax(-1), (logits + 0.02 * torch.randn(6, generator=generator)).log_softmax(-1)
    exact = (policy.exp() * (policy - reference)).sum()
    mean = (policy.exp() * kl_estimate(policy, reference, "k2")).sum()
    assert mean.item() == pytest.approx(exact.item(), rel=0.05)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_an_impossible_token_costs_much_but_not_infinitely(estimator: str) -> None:
    far_apart = kl_estimate(torch.tensor([0.0, -torch.inf]), torch.tensor([-torch.inf, 0.0]), estimator)  # type: ignore[arg-type]
    assert torch.isfinite(far_apart).all()


@pytest.mark.parametrize(("observed", "expected"), [(6.0, 0.1), (60.0, 0.102), (0.0, 0.098), (6.6, 0.101)])
def test_the_coefficient_moves_towards_the_target_by_a_bounded_step(observed: float, expected: float) -> None:
    found = adapted_coefficient(0.1, observed=observed, target=6.0, horizon=1000, episodes=100)
    assert math.isclose(found, expected, rel_tol=1e-9)


def test_explained_variance_is_1_for_a_seer_and_0_for_a_constant() -> None:
    returns, mask = torch.tensor([[1.0, 2.0, 4.0, 99.0]]), mask_of_lengths([3], 4)
    assert explained_variance(returns, returns, mask) == 1
    assert explained_variance(torch.full_like(returns, 7), returns, mask) == pytest.approx(0)
    assert explained_variance(returns, returns, torch.zeros_like(mask)) == 0
