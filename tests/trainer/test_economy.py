"""bf16 and recomputed layers change what a pass costs, not what it means."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.tiny import CONFIGS, make_comparison, make_demonstration, make_group, make_policy, save_policy
from trainer import reward, sft
from trainer.config import ModelSettings, RecomputeSettings, RewardConfig, SFTConfig
from trainer.economy import economise, freeze
from trainer.folder import RunFolder
from trainer.layout import rows_from_groups
from trainer.logprobs import completion_logprobs
from trainer.models import RewardModel
from trainer.records import write_lines
from trainer.shared_prompt import shared_from_groups

CPU = torch.device("cpu")
GROUP = make_group()
ROWS = rows_from_groups([GROUP], 0)
BF16 = ModelSettings(precision="bf16")


def gradients(model: Any) -> list[Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("architecture", CONFIGS)
def test_recomputed_layers_give_the_same_gradient_from_fewer_kept_numbers(architecture: str) -> None:
    found, kept = [], []
    for choice in ("off", "on"):
        policy = economise(make_policy(architecture), RecomputeSettings(gradient_checkpointing=choice), CPU).train()
        for module in policy.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: (sizes.append(tensor.numel()), tensor)[1], _same):  # noqa: B023
            loss = completion_logprobs(policy, ROWS).sum()
        loss.backward()
        found.append(gradients(policy))
        kept.append(sum(sizes))
    assert kept[1] < kept[0]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


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


def run(main: Any, config: Any, path: Path) -> list[float]:
    path.mkdir()
    main(config, RunFolder(path))
    return [json.loads(line)["loss"] for line in (path / "metrics.jsonl").read_text().splitlines()]


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
        losses = run(main, config, tmp_path / type(config).__name__)
        assert losses[-1] < 0.8 * losses[0]
