"""Traps 2, 3, 10, 12 and 13: a score depends on the words alone, and survives the disk."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.trainer.tiny import CONFIGS, make_group, make_policy
from trainer.errors import TrainerError
from trainer.layout import Rows, rows_from_groups
from trainer.logprobs import completion_logprobs
from trainer.manifest import model_digest
from trainer.models import (
    Average,
    Best,
    RewardModel,
    ValueModel,
    add_residual_dropout,
    load_backbone,
    load_policy,
    load_reward_model,
    remove_dropout,
)
from trainer.shared_prompt import shared_from_groups

architectures = pytest.mark.parametrize("architecture", CONFIGS)
GROUP = make_group()


def make_reward_model(architecture: str = "llama", bias: float = 0.0) -> RewardModel:
    model = RewardModel(make_policy(architecture).base_model).eval()
    model.bias.fill_(bias)
    return model


def scores_and_gradient(model: RewardModel, rows: Rows, keep: int) -> tuple[Tensor, Tensor]:
    model.zero_grad()
    scores = model(rows)[:keep]
    scores.square().sum().backward()
    return scores.detach(), model.backbone.get_input_embeddings().weight.grad.clone()


@architectures
def test_filling_and_batch_mates_change_neither_score_nor_gradient(architecture: str) -> None:
    model = make_reward_model(architecture)
    alone = scores_and_gradient(model, rows_from_groups([GROUP], 0), 3)
    longer_mate = make_group((1, 2), prompt=9, lengths=(11, 3), seed=4)
    others = [
        rows_from_groups([GROUP, longer_mate], 0),
        rows_from_groups([GROUP, longer_mate], 7),
        rows_from_groups([GROUP], 0).moved_right(6, 0),
    ]
    for rows in others:
        scores, gradient = scores_and_gradient(model, rows, 3)
        torch.testing.assert_close(scores, alone[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(gradient, alone[1], atol=1e-5, rtol=1e-4)


@architectures
def test_each_row_alone_scores_the_same(architecture: str) -> None:
    model = make_reward_model(architecture)
    together = model(rows_from_groups([GROUP], 0))
    for place, ids in enumerate(GROUP.completion_ids):
        single = make_group((1,), lengths=(len(ids),))
        single = type(single)("x", GROUP.prompt_ids, (ids,), (1,), (False,))
        torch.testing.assert_close(model(rows_from_groups([single], 0))[0], together[place], atol=1e-5, rtol=1e-5)


@architectures
def test_the_end_token_is_scored_even_where_it_is_the_filler(architecture: str) -> None:
    model = make_reward_model(architecture)
    end = 2
    ended = type(GROUP)("x", GROUP.prompt_ids, ((5, 6, end), (5, 6), (5, 6, end, end)), (1, 2, 3), (False,) * 3)
    with_eos, without, twice = model(rows_from_groups([ended], pad_id=end)).tolist()
    assert len({with_eos, without, twice}) == 3


def test_scores_stay_fp32_on_a_bf16_backbone() -> None:
    model = make_reward_model(bias=-6.0)
    model.backbone.to(torch.bfloat16)
    scores = model(rows_from_groups([GROUP], 0))
    assert scores.dtype == torch.float32
    assert any(score != torch.tensor(score).bfloat16().item() for score in scores.tolist())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(rows_from_groups([GROUP], 0)).dtype == torch.float32


@architectures
def test_head_and_bias_survive_the_disk(architecture: str, tmp_path: Path) -> None:
    model = make_reward_model(architecture, bias=1.25)
    model.save(tmp_path)
    loaded = load_reward_model(tmp_path).eval()
    rows = rows_from_groups([GROUP], 0)
    assert loaded.bias.item() == 1.25
    assert torch.equal(loaded(rows), model(rows))


@architectures
def test_a_policy_survives_the_disk_and_lends_its_backbone(architecture: str, tmp_path: Path) -> None:
    policy = make_policy(architecture)
    policy.save_pretrained(tmp_path)
    rows = rows_from_groups([GROUP], 0)
    torch.testing.assert_close(completion_logprobs(load_policy(tmp_path), rows), completion_logprobs(policy, rows))
    backbone = load_backbone(tmp_path)
    for name, parameter in policy.base_model.named_parameters():
        assert torch.equal(dict(backbone.named_parameters())[name], parameter)


def test_a_folder_without_a_reward_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="not a reward model"):
        load_reward_model(tmp_path)
    with pytest.raises(TrainerError, match="No model can be read"):
        load_policy(tmp_path)


@architectures
def test_values_begin_where_the_scores_are(architecture: str) -> None:
    reward = make_reward_model(architecture, bias=0.75)
    value = ValueModel(reward).eval()
    cut = replace(GROUP, completion_ids=tuple(ids[:-1] for ids in GROUP.completion_ids))
    for lay_out in (partial(rows_from_groups, pad_id=0), shared_from_groups):
        batch = lay_out([GROUP])
        values = value(batch)
        assert values.shape == batch.response_mask.shape
        last = torch.stack([row[mask][-1] for row, mask in zip(values, batch.response_mask, strict=True)])
        torch.testing.assert_close(last, reward(lay_out([cut])))
        assert not values[~batch.response_mask].any()


def test_a_value_model_shares_nothing_with_its_reward_model() -> None:
    reward = make_reward_model(bias=0.75)
    value = ValueModel(reward).eval()
    rows = rows_from_groups([GROUP], 0)
    before = value(rows).detach()
    reward.bias.fill_(100.0)
    with torch.no_grad():
        for parameter in reward.parameters():
            parameter.zero_()
    assert torch.equal(value(rows), before)
    assert "offset" in dict(value.named_parameters())
    assert not any("bias" in name for name, _ in value.named_buffers())


def test_an_average_follows_slowly_and_survives() -> None:
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = Average(model, 0.9)
    torch.nn.init.ones_(model.weight)
    average.update(model)
    restored = Average(model, 0.9)
    restored.load_state_dict(average.state_dict())
    restored.copy_to(model)
    torch.testing.assert_close(model.weight.data, torch.full((1, 2), 0.1))


def test_the_best_is_kept_not_the_last() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    best = Best(model)
    for weight, score in ((1.0, 0.5), (2.0, 0.9), (3.0, 0.7)):
        model.weight.data.fill_(weight)
        best.offer(model, score)
    best.copy_to(model)
    assert model.weight.item() == 2.0


@architectures
def test_residual_dropout_acts_in_training_and_can_be_removed(architecture: str) -> None:
    policy = make_policy(architecture)
    rows = rows_from_groups([GROUP], 0)
    plain = completion_logprobs(policy, rows)
    add_residual_dropout(policy, 0.5)
    assert torch.equal(completion_logprobs(policy.eval(), rows), plain)
    assert not torch.allclose(completion_logprobs(policy.train(), rows), plain)


def test_removed_dropout_makes_training_and_evaluation_equal() -> None:
    policy = make_policy("gpt2")
    rows = rows_from_groups([GROUP], 0)
    assert not torch.allclose(completion_logprobs(policy.train(), rows), completion_logprobs(policy.eval(), rows))
    remove_dropout(policy)
    assert torch.equal(completion_logprobs(policy.train(), rows), completion_logprobs(policy.eval(), rows))


def test_a_digest_sees_weights_and_not_the_card(tmp_path: Path) -> None:
    make_reward_model().save(tmp_path)
    digest = model_digest(tmp_path)
    (tmp_path / "README.md").write_text("card")
    assert model_digest(tmp_path) == digest
    make_reward_model(bias=1.0).save(tmp_path)
    assert model_digest(tmp_path) != digest
