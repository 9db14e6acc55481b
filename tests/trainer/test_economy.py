"""bf16 and recomputed layers change what a pass costs, not what it means."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.tiny import (
    CONFIGS,
    make_comparison,
    make_demonstration,
    make_group,
    make_policy,
    make_tokenizer,
    save_policy,
)
from trainer import align, ppo, reward, sft
from trainer.config import AlignConfig, ModelSettings, PPOConfig, RewardConfig, SFTConfig
from trainer.economy import economise, freeze
from trainer.folder import RunFolder
from trainer.layout import rows_from_groups
from trainer.logprobs import completion_logprobs
from trainer.models import RewardModel, add_residual_dropout
from trainer.records import Message, PromptRecord, write_lines
from trainer.shared_prompt import shared_from_groups

CPU = torch.device("cpu")
GROUP = make_group()
ROWS = rows_from_groups([GROUP], 0)
BATCHES = {"rows": ROWS, "shared": shared_from_groups([GROUP])}
BF16 = ModelSettings(precision="bf16")


def gradients(model: Any) -> list[Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("layout", BATCHES)
@pytest.mark.parametrize("architecture", CONFIGS)
def test_recomputed_layers_give_the_same_gradient_from_fewer_kept_numbers(architecture: str, layout: str) -> None:
    found, kept = [], []
    for choice in ("off", "on"):
        policy = economise(make_policy(architecture), ModelSettings(gradient_checkpointing=choice), CPU).eval()
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: (sizes.append(tensor.numel()), tensor)[1], _same):  # noqa: B023
            loss = completion_logprobs(policy, BATCHES[layout]).sum()
        loss.backward()
        found.append(gradients(policy))
        kept.append(sum(sizes))
    assert kept[1] < kept[0]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("layout", BATCHES)
def test_recomputed_layers_drop_out_what_they_dropped_before(layout: str) -> None:
    found = []
    for choice in ("off", "on"):
        policy = make_policy("gpt2")
        add_residual_dropout(policy, 0.5)
        economise(policy, ModelSettings(gradient_checkpointing=choice), CPU).train()
        torch.manual_seed(0)
        completion_logprobs(policy, BATCHES[layout]).sum().backward()
        found.append(gradients(policy))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("layout", BATCHES)
def test_recomputed_layers_score_as_others_and_are_left_as_they_were(layout: str) -> None:
    model = economise(RewardModel(make_policy().base_model), ModelSettings(gradient_checkpointing="on"), CPU).eval()
    batch, plain = BATCHES[layout], RewardModel(make_policy().base_model).eval()
    plain.head.load_state_dict(model.head.state_dict())
    for one in (model, plain):
        one(batch).square().sum().backward()
    for mine, other in zip(gradients(model), gradients(plain), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=1e-5)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def _same(tensor: Tensor) -> Tensor:
    return tensor


@pytest.mark.parametrize("architecture", CONFIGS)
def test_in_bf16_weights_heads_and_losses_stay_fp32(architecture: str) -> None:
    exact = completion_logprobs(make_policy(architecture), ROWS)
    policy = economise(make_policy(architecture), BF16, CPU)
    logprobs = completion_logprobs(policy, ROWS)
    logprobs.sum().backward()
    assert {tensor.dtype for tensor in (logprobs, *policy.parameters(), *gradients(policy))} == {torch.float32}
    assert not torch.equal(logprobs, exact)
    torch.testing.assert_close(logprobs, exact, atol=0.5, rtol=0.1)


def test_in_bf16_a_policy_called_whole_says_what_its_log_probabilities_do() -> None:
    policy = freeze(make_policy(), BF16, CPU)
    logits = policy(**ROWS.model_inputs()).logits
    assert logits.dtype == torch.float32
    told = torch.log_softmax(logits[:, :-1], -1).gather(2, ROWS.input_ids[:, 1:, None])[..., 0]
    torch.testing.assert_close(
        completion_logprobs(policy, ROWS)[ROWS.response_mask], told[ROWS.predicting_mask[:, :-1]]
    )


@pytest.mark.parametrize("batch", [ROWS, shared_from_groups([GROUP])], ids=["rows", "shared"])
def test_in_bf16_scores_are_not_rounded_to_it(batch: Any) -> None:
    model = freeze(RewardModel(make_policy().base_model), BF16, CPU)
    scores = model(batch)
    assert scores.dtype == torch.float32
    assert any(score != torch.tensor(score).bfloat16().item() for score in scores.tolist())


def run(main: Any, config: Any, path: Path) -> list[dict[str, float]]:
    """What each step measured."""
    path.mkdir()
    main(config, RunFolder(path))
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("time", "tokens_per_second")} for row in rows]


def test_stages_take_both_settings(tmp_path: Path) -> None:
    start = str(save_policy(tmp_path / "base"))
    write_lines(tmp_path / "d.jsonl", [make_demonstration(number) for number in range(6)])
    write_lines(tmp_path / "c.jsonl", [make_comparison(number) for number in range(6)])
    given: dict[str, Any] = {
        "model": start,
        "device": "cpu",
        "batch": 3,
        "learning_rate": 1e-2,
        "residual_dropout": 0.0,
    }
    given |= {"precision": "bf16", "gradient_checkpointing": "on", "epochs": 8}
    for main, config in (
        (sft.main, SFTConfig(**given, demonstrations=str(tmp_path / "d.jsonl"))),
        (reward.main, RewardConfig(**given, comparisons=str(tmp_path / "c.jsonl"))),
    ):
        rows = run(main, config, tmp_path / type(config).__name__)
        assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]


@pytest.fixture
def for_policies(tmp_path: Path) -> dict[str, Any]:
    """Settings that `ppo` and `align` share, and what they read."""
    save_policy(tmp_path / "sft")
    RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    rows = [PromptRecord(f"p{number}", (Message("user", f"place {number}"),)) for number in range(4)]
    write_lines(tmp_path / "prompts.jsonl", rows)
    write_lines(tmp_path / "c.jsonl", [make_comparison(number) for number in range(6)])
    return {"model": str(tmp_path / "sft"), "device": "cpu", "learning_rate": 1e-3, "max_new_tokens": 8}


@pytest.mark.parametrize("adapters", [0, 4])
def test_ppo_and_align_learn_the_same_from_recomputed_layers(
    adapters: int, for_policies: dict[str, Any], tmp_path: Path
) -> None:
    files = {"reward_model": str(tmp_path / "reward"), "prompts": str(tmp_path / "prompts.jsonl")}
    given = {**for_policies, "lora_rank": adapters}
    of_ppo = {**given, **files, "steps": 3, "batch_prompts": 4, "samples_per_prompt": 2, "minibatch": 4}
    of_align = {**given, "comparisons": str(tmp_path / "c.jsonl"), "batch": 3}
    for main, kind, values in ((ppo.main, PPOConfig, of_ppo), (align.main, AlignConfig, of_align)):
        told = [
            run(main, kind(**values, gradient_checkpointing=choice), tmp_path / f"{kind.__name__}-{choice}")
            for choice in ("off", "on")
        ]
        for kept, again in zip(*told, strict=True):
            assert again == pytest.approx(kept, abs=1e-5, rel=1e-4)
