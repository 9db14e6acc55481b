"""Adapters: with them off a policy is the one that it started as; learned, they end in plain weights."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.tiny import CONFIGS, make_comparison, make_demonstration, make_group, make_policy, save_policy
from tests.trainer.tiny import make_tokenizer as tokenizer
from trainer import align, ppo, reward, sample, sft
from trainer.config import AlignConfig, BadSetting, ModelSettings, PPOConfig, RewardConfig, SampleConfig, SFTConfig
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.layout import rows_from_groups
from trainer.logprobs import completion_logprobs
from trainer.loop import Learner, Schedule
from trainer.lora import adapters_in, adapters_off, add_adapters, merge_adapters
from trainer.models import RewardModel, load_policy
from trainer.records import Demonstration, Message, PromptRecord, write_lines

ROWS = rows_from_groups([make_group()], 0)
ADAPTED = {"lora_rank": 4, "lora_alpha": 8, "device": "cpu"}


def adapted_policy(architecture: str = "llama", *, moved: bool = True) -> Any:
    policy = make_policy(architecture)
    add_adapters(policy, ModelSettings(lora_rank=4))
    if moved:
        with torch.no_grad():
            for name, parameter in policy.named_parameters():
                if "lora_B" in name:
                    parameter.normal_()
    return policy


@pytest.mark.parametrize("architecture", CONFIGS)
def test_with_adapters_off_a_policy_says_what_it_started_with(architecture: str) -> None:
    start, policy = make_policy(architecture), adapted_policy(architecture)
    before, moved = completion_logprobs(start, ROWS), completion_logprobs(policy, ROWS)
    with adapters_off(policy):
        assert torch.equal(completion_logprobs(policy, ROWS), before)
    assert torch.equal(completion_logprobs(policy, ROWS), moved)
    assert not torch.allclose(moved, before, atol=1e-2)


def test_fresh_adapters_change_nothing_and_alone_are_learned() -> None:
    policy = adapted_policy(moved=False)
    assert torch.equal(completion_logprobs(policy, ROWS), completion_logprobs(make_policy(), ROWS))
    learned = {name for name, parameter in policy.named_parameters() if parameter.requires_grad}
    assert learned
    assert all("lora_" in name for name in learned)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_merged_adapters_leave_a_plain_model_that_says_the_same(architecture: str) -> None:
    policy = adapted_policy(architecture)
    before = completion_logprobs(policy, ROWS)
    merge_adapters(policy)
    torch.testing.assert_close(completion_logprobs(policy, ROWS), before, atol=1e-4, rtol=1e-4)
    assert policy.state_dict().keys() == make_policy(architecture).state_dict().keys()
    assert not adapters_in(policy)


def test_the_optimizer_keeps_less() -> None:
    kept = []
    for policy in (make_policy(), adapted_policy()):
        learner = Learner(policy, Schedule(1e-3, 1))
        completion_logprobs(policy, ROWS).sum().backward()
        learner.update(0)
        states = learner.state_dict()["state"].values()
        kept.append(sum(state["exp_avg"].numel() + state["exp_avg_sq"].numel() for state in states))
    assert kept[1] < kept[0] / 2


def test_only_the_modules_named_are_adapted_and_there_must_be_some() -> None:
    policy = make_policy()
    add_adapters(policy, ModelSettings(lora_rank=2, lora_targets="q_proj, v_proj"))
    assert {name.rpartition(".")[2] for name, _ in adapters_in(policy)} == {"q_proj", "v_proj"}
    with pytest.raises(BadSetting) as caught:
        add_adapters(make_policy(), ModelSettings(lora_rank=2, lora_targets="no_such"))
    assert caught.value.name == "lora_targets"


def test_without_peft_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(TrainerError, match=r"rondo\[lora\]"):
        add_adapters(make_policy(), ModelSettings(lora_rank=2))


def run(main: Callable[[Any, RunFolder], None], config: Any, path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    main(config, RunFolder(path))
    return RunFolder(path)


def metrics(folder: RunFolder, name: str) -> list[float]:
    return [json.loads(line)[name] for line in folder.metrics.read_text().splitlines()]


def test_sft_learns_with_adapters_resumes_and_saves_a_plain_model(tmp_path: Path) -> None:
    start = save_policy(tmp_path / "base")
    write_lines(tmp_path / "d.jsonl", [make_demonstration(number) for number in range(6)])
    config = SFTConfig(
        **{"model": str(start), "demonstrations": str(tmp_path / "d.jsonl"), "batch": 3, "epochs": 10},
        **{"learning_rate": 2e-2, "residual_dropout": 0.0, "checkpoint_every": 10, "keep_checkpoints": 9},
        **ADAPTED,  # type: ignore[arg-type]
    )
    folder = run(sft.main, config, tmp_path / "run")
    losses = metrics(folder, "loss")
    assert losses[-1] < losses[0] - 0.5
    first, base = load_policy(folder.model).state_dict(), load_policy(start).state_dict()
    assert first.keys() == base.keys()
    (folder.checkpoints / "step-0000020" / "state.pt").unlink()
    again = load_policy(run(sft.main, config, folder.path).model).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_reward_model_learns_with_adapters_and_its_head(tmp_path: Path) -> None:
    start = save_policy(tmp_path / "base")
    write_lines(tmp_path / "c.jsonl", [make_comparison(number) for number in range(9)])
    config = RewardConfig(
        **{"model": str(start), "comparisons": str(tmp_path / "c.jsonl"), "batch": 3, "epochs": 20},
        **{"learning_rate": 1e-2, "keep": "average", "ema": 0.5},
        **ADAPTED,  # type: ignore[arg-type]
    )
    folder = run(reward.main, config, tmp_path / "run")
    assert metrics(folder, "accuracy")[-3:] == [1.0, 1.0, 1.0]
    assert not any("lora" in name for name in load_policy(folder.model).state_dict())


@pytest.fixture
def ppo_files(tmp_path: Path) -> dict[str, str]:
    start = save_policy(tmp_path / "sft")
    RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
    tokenizer().save_pretrained(tmp_path / "reward")
    rows = [PromptRecord(f"p{number}", (Message("user", f"place {number}"),)) for number in range(4)]
    write_lines(tmp_path / "prompts.jsonl", rows)
    return {
        "model": str(start),
        "reward_model": str(tmp_path / "reward"),
        "prompts": str(tmp_path / "prompts.jsonl"),
    }


def ppo_config(files: dict[str, str], **values: object) -> PPOConfig:
    rates = {"learning_rate": 3e-2, "value_learning_rate": 1e-2, "warmup_steps": 0, "ema": 0.0, "kl_coefficient": 0.0}
    sizes = {"steps": 8, "batch_prompts": 4, "samples_per_prompt": 16, "minibatch": 32, "max_new_tokens": 8}
    return PPOConfig(**{**files, **rates, **sizes, **ADAPTED, **values})  # type: ignore[arg-type]


def test_ppo_has_no_second_copy_for_its_reference(ppo_files: dict[str, str]) -> None:
    models = ppo.load_models(ppo_config(ppo_files), torch.device("cpu"))
    assert models.reference is models.policy
    assert not any(parameter.requires_grad for parameter in models.reward.parameters())
    assert models.value.head.weight.requires_grad


def test_ppo_moves_its_adapters_and_measures_their_kl_from_the_start(ppo_files: dict[str, str], tmp_path: Path) -> None:
    folder = run(ppo.main, ppo_config(ppo_files), tmp_path / "run")
    kls = metrics(folder, "kl")
    assert kls[0] == pytest.approx(0, abs=1e-4)
    assert kls[-1] > 0.1
    assert load_policy(folder.model).state_dict().keys() == load_policy(ppo_files["model"]).state_dict().keys()


NAMES = ("The Eagle.", "The Mill.", "The Punter.")


@pytest.fixture
def names_of_places(tmp_path: Path) -> dict[str, str]:
    """A policy that answers with any of three names, and a reward model that likes the first best."""
    asked = [(Message("user", f"place {number}"),) for number in range(4)]
    write_lines(
        tmp_path / "d.jsonl",
        [Demonstration("", f"p{n}", prompt, name) for n, prompt in enumerate(asked) for name in NAMES],
    )
    write_lines(tmp_path / "c.jsonl", [replace(make_comparison(number), completions=NAMES) for number in range(4)])
    write_lines(tmp_path / "prompts.jsonl", [PromptRecord(f"p{n}", prompt) for n, prompt in enumerate(asked)])
    given: dict[str, Any] = {"device": "cpu", "residual_dropout": 0.0}
    learned = {"model": str(save_policy(tmp_path / "base")), "demonstrations": str(tmp_path / "d.jsonl")}
    start = run(sft.main, SFTConfig(**given, **learned, epochs=60, learning_rate=1.5e-2), tmp_path / "sft")
    ranked = {"model": str(start.model), "comparisons": str(tmp_path / "c.jsonl")}
    judge = run(reward.main, RewardConfig(**given, **ranked, epochs=30, learning_rate=3e-3), tmp_path / "reward")
    prompts = str(tmp_path / "prompts.jsonl")
    return {"model": str(start.model), "reward_model": str(judge.model), "prompts": prompts}


def test_ppo_learns_what_is_liked_with_adapters_alone(names_of_places: dict[str, str], tmp_path: Path) -> None:
    wanted = {"steps": 10, "minibatch": 16, "samples_per_prompt": 8, "learning_rate": 1e-2, "kl_coefficient": 0.02}
    folder = run(ppo.main, ppo_config(names_of_places, **wanted), tmp_path / "run")
    scores = metrics(folder, "score")
    assert min(scores[-3:]) > max(scores[:3]) + 2
    liked = []
    for model in (names_of_places["model"], str(folder.model)):
        given = {**names_of_places, "model": model, "device": "cpu"}
        config = SampleConfig(**given, k_min=25, k_max=25, max_new_tokens=8)  # type: ignore[arg-type]
        said = run(sample.main, config, tmp_path / f"said-{len(liked)}")
        liked.append(json.loads(said.results.read_text())["mean_score"])
    assert liked[1] > liked[0] + 2  # what was saved has learned it too


def align_config(tmp_path: Path, **values: object) -> AlignConfig:
    start = save_policy(tmp_path / "base")
    write_lines(tmp_path / "c.jsonl", [make_comparison(number) for number in range(6)])
    given = {"model": str(start), "comparisons": str(tmp_path / "c.jsonl"), "batch": 3, "epochs": 10}
    return AlignConfig(**{"learning_rate": 1e-2, "max_new_tokens": 8, **given, **ADAPTED, **values})  # type: ignore[arg-type]


def test_dpo_learns_with_adapters(tmp_path: Path) -> None:
    folder = run(align.main, align_config(tmp_path), tmp_path / "run")
    losses = metrics(folder, "loss")
    assert losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert losses[-1] < losses[0] - 0.1
    assert abs(json.loads(folder.results.read_text())["kl"]) > 1e-2


def test_new_tokens_cannot_be_learned_by_adapters(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as caught:
        run(align.main, align_config(tmp_path, method="conditional"), tmp_path / "run")
    assert caught.value.name == "lora_rank"
