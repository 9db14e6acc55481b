"""Traps 2 and 14 for the layout `shared`: scores and gradients are those of `rows`, whoever shares the batch."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import AutoModel, MistralConfig

from tests.trainer.tiny import CONFIGS, LIKE_LLAMA, make_group, make_policy
from trainer import shared_prompt
from trainer.groups import RankedGroup
from trainer.layout import Rows, rows_from_groups
from trainer.losses import ranking_loss
from trainer.models import RewardModel, add_residual_dropout
from trainer.shared_attention import FAMILIES, can_share
from trainer.shared_prompt import SharedPrompts, shared_from_groups

architectures = pytest.mark.parametrize("architecture", CONFIGS)
UNEVEN = [
    make_group((1, 2, 2), prompt=5, lengths=(4, 0, 7)),
    make_group((2, 1), prompt=9, lengths=(11, 3), seed=1),
    make_group((1, 2, 3, 4), prompt=1, lengths=(0, 0, 1, 6), seed=2),
]
EVEN = [make_group((1, 2, 3), prompt=6, lengths=(4, 4, 4), seed=seed) for seed in range(2)]
EMPTY = [make_group((1, 2), prompt=6, lengths=(0, 0))]
BATCHES = {
    "uneven": UNEVEN,
    "even": EVEN,
    "one": UNEVEN[:1],
    "even prompts": [EVEN[0], EVEN[1], EMPTY[0]],
    "empty": EMPTY,
}


def make_reward_model(architecture: str = "llama") -> RewardModel:
    return RewardModel(make_policy(architecture).base_model).eval()


def learned(model: nn.Module, batch: Rows | SharedPrompts, groups: Sequence[RankedGroup]) -> tuple[Tensor, Tensor]:
    """Scores and the whole gradient of the ranking loss. A score's own size counts too: constants must agree."""
    model.zero_grad()
    scores = model(batch)
    by_group = torch.split(scores, [group.k for group in groups])
    loss = sum(ranking_loss(row, group.ranks) for row, group in zip(by_group, groups, strict=True))
    (loss + scores.square().sum() / 10).backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return scores.detach(), torch.cat([gradient.flatten() for gradient in gradients])


def assert_equal(model: nn.Module, groups: Sequence[RankedGroup], attention: Any = "columns") -> None:
    scores, gradient = learned(model, rows_from_groups(groups, 0), groups)
    shared_scores, shared_gradient = learned(model, shared_from_groups(groups, attention), groups)
    torch.testing.assert_close(shared_scores, scores, atol=1e-5, rtol=1e-5)
    assert float((shared_gradient - gradient).norm() / gradient.norm()) < 1e-5


@architectures
@pytest.mark.parametrize("batch", BATCHES)
def test_shared_prompts_and_rows_are_one(architecture: str, batch: str) -> None:
    assert_equal(make_reward_model(architecture), BATCHES[batch])


@architectures
def test_prompts_in_runs_of_like_length_are_as_in_one(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_prompt, "FILLED_UP", 0)
    assert len(shared_from_groups(UNEVEN).prompts.runs) == 3
    assert_equal(make_reward_model(architecture), UNEVEN)


@architectures
def test_it_is_equal_in_training_too(architecture: str) -> None:
    model = make_reward_model(architecture)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    assert_equal(model.train(), UNEVEN)


@given(
    st.sampled_from(list(CONFIGS)),
    st.lists(
        st.tuples(st.integers(1, 12), st.lists(st.integers(0, 9), min_size=1, max_size=5)), min_size=1, max_size=4
    ),
)
@settings(max_examples=40, deadline=None)
def test_no_shape_of_groups_tells_them_apart(architecture: str, shape: list[tuple[int, list[int]]]) -> None:
    groups = [make_group(range(1, len(r) + 1), p, r, seed) for seed, (p, r) in enumerate(shape)]
    assert_equal(make_reward_model(architecture), groups)


@pytest.mark.parametrize("filled_up", [0, shared_prompt.FILLED_UP])
@pytest.mark.parametrize("window", [1, 3, 8])
def test_a_sliding_window_hides_the_same_tokens(window: int, filled_up: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_prompt, "FILLED_UP", filled_up)
    torch.manual_seed(0)
    model = RewardModel(AutoModel.from_config(MistralConfig(**LIKE_LLAMA, sliding_window=window))).eval()
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.mul_(5 if parameter.ndim > 1 else 1)
    assert_equal(model, UNEVEN)
    assert_equal(model, EVEN)


@architectures
def test_batch_mates_do_not_change_a_score(architecture: str) -> None:
    model = make_reward_model(architecture)
    together = torch.split(model(shared_from_groups(UNEVEN)), [group.k for group in UNEVEN])
    for group, scores in zip(UNEVEN, together, strict=True):
        torch.testing.assert_close(model(shared_from_groups([group])), scores, atol=1e-5, rtol=1e-5)


@architectures
def test_a_prompt_split_over_batches_adds_up_to_the_same_gradient(architecture: str) -> None:
    model = make_reward_model(architecture)
    _, whole = learned(model, shared_from_groups(UNEVEN), UNEVEN)
    parts = [learned(model, shared_from_groups([group]), [group])[1] for group in UNEVEN]
    torch.testing.assert_close(sum(parts), whole, atol=1e-4, rtol=1e-3)


def test_rows_are_as_before_after_a_shared_pass() -> None:
    model = make_reward_model()
    rows = rows_from_groups(UNEVEN, 0)
    before = model(rows)
    model(shared_from_groups(UNEVEN))
    assert torch.equal(model(rows), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_dropout_acts_on_what_is_shared() -> None:
    model = make_reward_model("gpt2")
    add_residual_dropout(model, 0.5)
    shared = shared_from_groups(UNEVEN)
    assert torch.equal(model(shared), model(shared))
    assert not torch.equal(model.train()(shared), model(shared))


def test_scores_stay_fp32_on_a_bf16_backbone() -> None:
    model = make_reward_model()
    model.backbone.to(torch.bfloat16)
    assert model(shared_from_groups(UNEVEN)).dtype == torch.float32


def test_an_unknown_kind_of_decoder_is_not_shared() -> None:
    assert all(can_share(make_policy(architecture).base_model) for architecture in CONFIGS)
    assert set(FAMILIES) == set(CONFIGS)
    other = make_policy().base_model
    other.config = copy(other.config)
    other.config.model_type = "mamba"
    assert not can_share(other)
