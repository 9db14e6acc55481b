"""Presets are settings that the stages take, and those named after a paper are the paper's numbers."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from trainer.__main__ import main
from trainer.config import STAGES, BadSetting, Config, PPOConfig, RewardConfig, SFTConfig, make_config
from trainer.loop import Schedule
from trainer.presets import PRESETS

PAPER = pytest.mark.parametrize("name", ["instructgpt-1.3b", "instructgpt-6b"])


def configured(name: str, stage: str) -> Any:
    kind: type[Config] = STAGES[stage]
    needed = {item.name: "given" for item in fields(kind) if item.metadata["required"] or item.name == "texts"}
    return make_config(kind, {**needed, **PRESETS[name].get(stage, {})})


@pytest.mark.parametrize("name", PRESETS)
def test_every_stage_takes_what_a_preset_says(name: str) -> None:
    assert set(PRESETS[name]) <= set(STAGES)
    for stage in PRESETS[name]:
        configured(name, stage)


def test_ppo_ptx_is_refused_without_texts_before_anything_runs() -> None:
    paths = {"model": "m", "reward_model": "r", "prompts": "p"}
    with pytest.raises(BadSetting) as caught:
        make_config(PPOConfig, {**paths, **PRESETS["instructgpt-1.3b"]["ppo"]})
    assert caught.value.name == "texts"


def test_flags_change_a_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "/no/model", "--demonstrations", "d.jsonl", "--batch", "7"]
    assert main(["sft", str(tmp_path), "--preset", "instructgpt-6b", *arguments]) == 1
    written = json.loads((tmp_path / "config.json").read_text())
    assert (written["learning_rate"], written["residual_dropout"], written["batch"]) == (9.65e-6, 0.2, 7)
    assert "No tokenizer" in capsys.readouterr().err


def test_a_round_is_offered_the_small_one_first() -> None:
    assert list(PRESETS) == ["tiny-cpu", "one-gpu", "instructgpt-1.3b", "instructgpt-6b"]


@PAPER
def test_demonstrations_are_learned_as_in_appendix_c1(name: str) -> None:
    config: SFTConfig = configured(name, "sft")
    assert (config.epochs, config.batch, config.learning_rate) == (16, 32, 9.65e-6)
    assert (config.residual_dropout, config.warmup_steps, config.keep) == (0.2, 0, "best")
    schedule = Schedule(config.learning_rate, steps=1000, warmup=config.warmup_steps, kind=config.schedule)
    assert schedule.rate(0) == 9.65e-6
    assert schedule.rate(1000) == pytest.approx(0.965e-6)
    assert schedule.rate(500) == pytest.approx((9.65e-6 + 0.965e-6) / 2)


@PAPER
def test_the_reward_model_is_trained_as_in_appendix_c2(name: str) -> None:
    config: RewardConfig = configured(name, "reward")
    assert (config.epochs, config.learning_rate, config.schedule, config.ties) == (1, 9e-6, "cosine", "drop")
    assert config.batch * (9 * 8 // 2) == 2304  # comparisons in a batch at most
    assert config.loss == "pairwise"


@PAPER
def test_the_policy_is_trained_as_in_appendix_c4(name: str) -> None:
    config: PPOConfig = configured(name, "ppo")
    assert config.steps * config.batch_prompts * config.samples_per_prompt == 256_000
    assert (config.batch_prompts, config.minibatch, config.epochs) == (512, 64, 1)
    assert (config.schedule, config.warmup_steps, config.value_learning_rate) == ("constant", 10, 9e-6)
    assert (config.kl_coefficient, config.kl_target, config.clip) == (0.02, None, 0.2)
    assert (config.temperature, config.gamma, config.ema) == (1.0, 1.0, 0.992)
    assert (config.ptx_coefficient, config.ptx_batch) == (27.8, 8)
    assert Schedule(1.0, config.steps, config.warmup_steps, config.schedule).rate(0) == pytest.approx(0.1)


@PAPER
def test_prompts_and_responses_share_a_context_of_2k_tokens(name: str) -> None:
    for stage in PRESETS[name]:
        config = configured(name, stage)
        assert (config.max_prompt_tokens, config.max_completion_tokens) == (1024, 1024)
    assert configured(name, "ppo").max_new_tokens == configured(name, "sample").max_new_tokens == 1024


def test_one_gpu_learns_adapters_in_every_stage_that_learns() -> None:
    for stage in ("sft", "reward", "ppo"):
        config = configured("one-gpu", stage)
        assert (config.lora_rank, config.precision) == (32, "bf16")
        assert config.micro_batch or config.micro_tokens
