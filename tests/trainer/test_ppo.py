"""Traps 1, 9, 10, 14, 15, 16 and 17 on the stage itself."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.tiny import CONFIGS, SENTENCES, make_policy, make_tokenizer, save_policy
from trainer.config import BadSetting, PPOConfig, make_config
from trainer.encoding import make_encoder
from trainer.errors import TrainerError
from trainer.experience import Experience, Models, Rollouts, judge, learn_from, roll_out
from trainer.folder import RunFolder
from trainer.layout import rows_from_pairs
from trainer.logprobs import completion_logprobs, packed_logprobs
from trainer.losses import language_loss
from trainer.models import RewardModel, ValueModel, load_policy
from trainer.ppo import KLPrice, Updates, kl_of, load_models, main, pretraining_texts
from trainer.prompts import Prompt
from trainer.records import Message, PromptRecord, TextRecord, write_lines

CPU = torch.device("cpu")
ENCODER = make_encoder(make_tokenizer(), 50, 50)
PROMPTS = [Prompt(f"p{length}", tuple(range(3, 3 + length))) for length in (2, 7, 4)]


def settings(**values: object) -> PPOConfig:
    given: dict[str, object] = {"steps": 4, "batch_prompts": 3, "samples_per_prompt": 2, "minibatch": 3}
    rates = {"learning_rate": 1e-3, "value_learning_rate": 1e-3, "warmup_steps": 0, "max_new_tokens": 8}
    return PPOConfig(**{"device": "cpu", **given, **rates, **values})  # type: ignore[arg-type]


def make_models(architecture: str = "llama") -> Models:
    reward = RewardModel(make_policy(architecture, seed=1).base_model)
    models = Models(make_policy(architecture), make_policy(architecture), reward, ValueModel(reward))
    for model in models.all:
        model.eval()
    return models


def first_experience(models: Models, config: PPOConfig) -> tuple[Rollouts, Experience]:
    rollouts = roll_out(models.policy, PROMPTS, config, ENCODER, step=0)
    judgement = judge(models, rollouts, config, ENCODER)
    return rollouts, learn_from(rollouts, judgement, kl_of(judgement, config), config, config.kl_coefficient)


def gradients(model: Any) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("architecture", CONFIGS)
def test_before_any_update_sampler_policy_and_reference_agree(architecture: str) -> None:
    models, config = make_models(architecture), settings(temperature=0.7)
    rollouts = roll_out(models.policy, PROMPTS, config, ENCODER, step=0)
    judgement = judge(models, rollouts, config, ENCODER)
    for row, completion in enumerate(rollouts.completions):
        judged = judgement.logprobs[row, : len(completion.logprobs)].tolist()
        assert judged == pytest.approx(completion.logprobs, abs=1e-4)
    assert torch.allclose(judgement.logprobs, judgement.reference_logprobs, atol=1e-5)


def test_the_first_minibatch_has_ratio_1_and_nothing_is_clipped() -> None:
    models, config = make_models(), settings(temperature=0.7)
    rollouts, experience = first_experience(models, config)
    measured = Updates(config, ENCODER, models).accumulate(rollouts, experience, range(6))
    assert measured["ratio"] == pytest.approx(1, abs=1e-5)
    assert measured["clip_fraction"] == measured["value_clip_fraction"] == 0


@pytest.mark.parametrize("name", ["top_p", "top_k"])
def test_ppo_refuses_to_sample_from_another_distribution_than_it_learns(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        make_config(PPOConfig, {"model": "m", "reward_model": "r", "prompts": "p", name: 1})


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """What a run needs; the policy was saved with dropout in its configuration."""
    save_policy(tmp_path / "sft", "gpt2")
    RewardModel(make_policy("gpt2", seed=1).base_model).save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    rows = [PromptRecord(f"p{number}", (Message("user", f"place {number}"),)) for number in range(7)]
    write_lines(tmp_path / "prompts.jsonl", rows)
    write_lines(tmp_path / "texts.jsonl", [TextRecord(text) for text in SENTENCES])
    return {
        "model": str(tmp_path / "sft"),
        "reward_model": str(tmp_path / "reward"),
        "prompts": str(tmp_path / "prompts.jsonl"),
    }


def test_train_and_eval_give_the_same_logprobs(files: dict[str, Any]) -> None:
    assert load_policy(files["model"]).config.resid_pdrop > 0
    policy = load_models(settings(**files), CPU).policy
    rows = rows_from_pairs([(3, 4, 5)], [(6, 7, 8)], 0)
    assert torch.equal(completion_logprobs(policy.train(), rows), completion_logprobs(policy.eval(), rows))


def test_splitting_a_minibatch_does_not_change_the_gradient() -> None:
    whole = make_models()
    rollouts, experience = first_experience(whole, settings())
    found = []
    for size in (0, 1, 2):
        whole.policy.zero_grad()
        whole.value.zero_grad()
        Updates(settings(micro_batch=size), ENCODER, whole).accumulate(rollouts, experience, range(6))
        found.append([*gradients(whole.policy), *gradients(whole.value)])
    for parts in found[1:]:
        for one, other in zip(found[0], parts, strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_how_many_are_sampled_at_once_changes_nothing_drawn() -> None:
    models = make_models()
    drawn = [roll_out(models.policy, PROMPTS, settings(sample_batch=size), ENCODER, step=3) for size in (1, 256)]
    assert [c.token_ids for c in drawn[0].completions] == [c.token_ids for c in drawn[1].completions]


@pytest.mark.parametrize("architecture", CONFIGS)
def test_what_is_judged_and_learned_does_not_depend_on_the_layout(architecture: str) -> None:
    models = make_models(architecture)
    rollouts = roll_out(models.policy, PROMPTS, settings(), ENCODER, step=0)
    found = []
    for values in ({"layout": "rows"}, {"layout": "shared"}, {"layout": "shared", "micro_batch": 2}):
        config = settings(**values)
        judgement = judge(models, rollouts, config, ENCODER)
        experience = learn_from(rollouts, judgement, kl_of(judgement, config), config, config.kl_coefficient)
        models.policy.zero_grad()
        models.value.zero_grad()
        measured = Updates(config, ENCODER, models).accumulate(rollouts, experience, [4, 1, 0, 5, 3])
        learned = torch.cat([part.flatten() for part in [*gradients(models.policy), *gradients(models.value)]])
        found.append((judgement, measured, learned))
    (judgement, measured, learned), *others = found
    for other_judgement, other_measured, other_learned in others:
        for name in ("logprobs", "reference_logprobs", "entropy", "values", "scores"):
            one, other = getattr(judgement, name), getattr(other_judgement, name)
            torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-5)
        assert other_measured == pytest.approx(measured, abs=1e-5)
        assert float((other_learned - learned).norm() / learned.norm()) < 1e-4


@pytest.mark.parametrize("layout", ["rows", "shared"])
def test_each_model_reads_what_it_must_and_no_more(layout: str) -> None:
    """A prompt of 7 with two completions of 8: 30 tokens in rows, 23 shared, once for each of the five models."""
    models, config = make_models(), settings(layout=layout, minibatch=6)
    models = replace(models, held_out=RewardModel(make_policy(seed=3).base_model).eval())
    rollouts = roll_out(models.policy, PROMPTS[1:2], config, ENCODER, step=0)
    read: list[tuple[str, int]] = []
    for name, model in vars(models).items():
        embedding = (model if name in ("policy", "reference") else model.backbone).get_input_embeddings()
        embedding.register_forward_pre_hook(lambda _, given, name=name: read.append((name, given[0].numel())))
    judge(models, rollouts, config, ENCODER)
    tokens = {"rows": 30, "shared": 23}[layout]
    assert sorted(read) == sorted((name, tokens) for name in vars(models))


def test_minibatches_hold_each_completion_once_an_epoch_and_keep_those_of_a_prompt_together() -> None:
    config = settings(epochs=3, minibatch=4)
    prompts = [prompt for prompt in PROMPTS for _ in range(4)]
    batches = list(Updates(config, ENCODER, make_models()).minibatches(prompts, step=0))
    epochs = [batches[first : first + 3] for first in range(0, 9, 3)]
    for epoch in epochs:
        assert sorted(place for batch in epoch for place in batch) == list(range(12))
        assert all(len({prompts[place].prompt_id for place in batch}) == 1 for batch in epoch)
    assert len({tuple(map(tuple, epoch)) for epoch in epochs}) > 1


def test_ptx_adds_its_coefficient_times_the_language_model_gradient(files: dict[str, Any], tmp_path: Path) -> None:
    config = settings(**files, texts=str(tmp_path / "texts.jsonl"), ptx_coefficient=2.5, ptx_batch=1)
    models = make_models()
    rollouts, experience = first_experience(models, config)
    texts = pretraining_texts(config, ENCODER, models.policy)
    updates = Updates(config, ENCODER, models, texts)
    updates.accumulate(rollouts, experience, range(6))
    plain = gradients(models.policy)
    updates.accumulate_texts(texts, 0)
    both = gradients(models.policy)
    models.policy.zero_grad()
    chosen = [[*group.prompt_ids, *group.completion_ids[0]] for group in texts.at(0)]
    assert all(len(group.prompt_ids) == 1 for group in texts.at(0))
    rows = rows_from_pairs([ids[:1] for ids in chosen], [ids[1:] for ids in chosen], 0)
    language_loss(packed_logprobs(models.policy, rows), sum(len(ids) - 1 for ids in chosen)).backward()
    for ppo, language, found in zip(plain, gradients(models.policy), both, strict=True):
        torch.testing.assert_close(found, ppo + 2.5 * language, atol=1e-6, rtol=1e-4)


def run(config: PPOConfig, path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    main(config, RunFolder(path))
    return RunFolder(path)


def weights(folder: RunFolder) -> dict[str, Tensor]:
    return dict(load_policy(folder.model).state_dict())


def lines(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in ("time", "tokens_per_second")} for row in rows]


def test_coefficient_0_is_plain_ppo_bit_for_bit(files: dict[str, Any], tmp_path: Path) -> None:
    plain = run(settings(**files, steps=2), tmp_path / "plain")
    with_texts = settings(**files, steps=2, texts=str(tmp_path / "texts.jsonl"), ptx_coefficient=0.0)
    unused = run(with_texts, tmp_path / "unused")
    assert lines(plain.metrics) == lines(unused.metrics)
    assert all(torch.equal(tensor, weights(unused)[name]) for name, tensor in weights(plain).items())


def test_a_resumed_run_ends_in_the_same_weights(files: dict[str, Any], tmp_path: Path) -> None:
    options = {"kl_target": 0.5, "kl_horizon": 20, "epochs": 2, "ptx_coefficient": 1.0, "ptx_batch": 1}
    config = settings(
        **files, **options, texts=str(tmp_path / "texts.jsonl"), checkpoint_every=2, keep_checkpoints=9, warmup_steps=3
    )
    folder = run(config, tmp_path / "run")
    before = (weights(folder), lines(folder.metrics), lines(folder.rollouts))
    (folder.checkpoints / "step-0000004" / "state.pt").unlink()
    run(config, folder.path)
    after = (weights(folder), lines(folder.metrics), lines(folder.rollouts))
    assert all(torch.equal(tensor, after[0][name]) for name, tensor in before[0].items())
    assert before[1:] == after[1:]
    assert len({row["kl_coefficient"] for row in after[1]}) > 1


def test_sampled_ids_are_used_as_they_were_drawn() -> None:
    models, config = make_models(), settings(max_new_tokens=20)
    rollouts = roll_out(models.policy, PROMPTS, config, ENCODER, step=0)
    drawn = [completion.token_ids for completion in rollouts.completions]
    again = [list(ENCODER.completions([ENCODER.text(ids)])[0].ids) for ids in drawn]
    assert drawn != again, "random ids should not survive a round trip through text, or this test shows nothing"
    groups = rollouts.groups(range(len(drawn)))
    assert [list(ids) for group in groups for ids in group.completion_ids] == drawn
    assert [group.prompt_ids for group in groups] == [prompt.ids for prompt in PROMPTS]


def test_learning_moves_the_policy_towards_what_is_rewarded() -> None:
    torch.manual_seed(0)
    models = make_models()
    config = settings(samples_per_prompt=32, minibatch=32, learning_rate=2e-2, kl_coefficient=0.0, steps=12)
    updates = Updates(config, ENCODER, models)
    rewards = []
    for step in range(12):
        rollouts = roll_out(models.policy, PROMPTS, config, ENCODER, step)
        judgement = judge(models, rollouts, config, ENCODER)
        kl = kl_of(judgement, config)
        updates.make(rollouts, learn_from(rollouts, judgement, kl, config, 0.0), step)
        rewards.append(float(judgement.scores.mean()))
    assert min(rewards[-3:]) > max(rewards[:3]) + 0.3


def test_metrics_say_what_a_researcher_looks_for(files: dict[str, Any], tmp_path: Path) -> None:
    folder = run(settings(**files, steps=2), tmp_path / "run")
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-4)
    wanted = {"score", "kl", "entropy", "clip_fraction", "length", "eos_share", "explained_variance", "rate", "norm"}
    assert wanted < set(rows[0])
    assert 0 < rows[0]["entropy"] < math.log(320)
    shown = lines(folder.rollouts)
    assert {row["step"] for row in shown} == {1, 2}
    assert all(row["finish_reason"] in ("stop", "length") for row in shown)


def test_a_held_out_reward_model_is_watched_and_changes_nothing(files: dict[str, Any], tmp_path: Path) -> None:
    RewardModel(make_policy("gpt2", seed=7).base_model).save(tmp_path / "held_out")
    make_tokenizer().save_pretrained(tmp_path / "held_out")
    alone = run(settings(**files, steps=2), tmp_path / "alone")
    watched = run(settings(**files, steps=2, held_out_reward_model=str(tmp_path / "held_out")), tmp_path / "watched")
    for one, other in ((alone.metrics, watched.metrics), (alone.rollouts, watched.rollouts)):
        seen = lines(other)
        assert all(math.isfinite(row["held_out_score"]) and row["held_out_score"] != row["score"] for row in seen)
        assert [{name: value for name, value in row.items() if name != "held_out_score"} for row in seen] == lines(one)
    assert "held_out_reward_model: `" in (watched.model / "README.md").read_text()
    assert json.loads(watched.results.read_text())["held_out_score"] == pytest.approx(seen_last(watched), rel=1e-4)


def seen_last(folder: RunFolder) -> float:
    return float(lines(folder.metrics)[-1]["held_out_score"])


def test_a_run_that_went_too_far_ends_before_it_learns_more(files: dict[str, Any], tmp_path: Path) -> None:
    free = run(settings(**files, learning_rate=0.05, ema=0.0), tmp_path / "free")
    far = [row["kl"] for row in lines(free.metrics)]
    limit = max(far[:2]) + 1e-4
    assert far[2] > limit, "the policy did not move on: nothing to stop"
    stopped = run(settings(**files, learning_rate=0.05, ema=0.0, kl_stop=limit), tmp_path / "stopped")
    shown = lines(stopped.metrics)
    assert [row["step"] for row in shown] == [1, 2, 3]
    assert "policy_loss" not in shown[2]
    assert json.loads(stopped.results.read_text())["stopped_at_step"] == 3
    after_two = run(settings(**files, learning_rate=0.05, ema=0.0, steps=2), tmp_path / "two")
    assert all(torch.equal(tensor, weights(after_two)[name]) for name, tensor in weights(stopped).items())


def test_a_run_that_went_too_far_goes_on_from_there_when_it_may(files: dict[str, Any], tmp_path: Path) -> None:
    given = {"learning_rate": 0.05, "ema": 0.9, "kl_target": 0.1, "kl_horizon": 20, "checkpoint_every": 0}
    free = run(settings(**files, **given), tmp_path / "free")
    far = [row["kl"] for row in lines(free.metrics)]
    limit = max(far[:2]) + 1e-4
    assert far[2] > limit, "the policy did not move on: nothing to stop"
    stopped = run(settings(**files, **given, kl_stop=limit), tmp_path / "stopped")
    assert [path.name for path in stopped.checkpoints.iterdir()] == ["step-0000002"]
    before = stopped.metrics.read_text().splitlines()[:2]
    again = run(settings(**files, **given, kl_stop=limit), tmp_path / "stopped")
    assert again.metrics.read_text().splitlines()[:2] == before
    assert json.loads(again.results.read_text())["stopped_at_step"] == 3
    gone_on = run(settings(**files, **given), tmp_path / "stopped")
    assert lines(gone_on.metrics) == lines(free.metrics)
    assert gone_on.metrics.read_text().splitlines()[:2] == before
    assert all(torch.equal(tensor, weights(free)[name]) for name, tensor in weights(gone_on).items())


def test_an_unended_completion_pays_on_its_last_token() -> None:
    models = make_models()
    config = settings(kl_coefficient=0.0, gae_lambda=0.0, gamma=0.0, whiten="nothing")
    rollouts = roll_out(models.policy, PROMPTS, config, ENCODER, step=0)
    judgement = judge(models, rollouts, config, ENCODER)
    kl = kl_of(judgement, config)
    free, fined = (
        learn_from(rollouts, judgement, kl, replace(config, missing_eos_penalty=fine), 0.0).returns
        for fine in (0.0, 3.0)
    )
    for row, completion in enumerate(rollouts.completions):
        taken = (free - fined)[row]
        expected = 3.0 if completion.finish_reason == "length" else 0.0
        assert taken.sum().item() == pytest.approx(expected, abs=1e-5)
        assert taken[len(completion.token_ids) - 1].item() == pytest.approx(expected, abs=1e-5)
    assert {completion.finish_reason for completion in rollouts.completions} == {"length"}


def test_the_price_of_kl_moves_only_towards_a_target() -> None:
    fixed, adaptive = KLPrice(settings()), KLPrice(settings(kl_target=2.0, kl_horizon=100))
    for price in (fixed, adaptive):
        price.adapt(observed=10.0, episodes=50)
    assert fixed.coefficient == settings().kl_coefficient
    assert adaptive.coefficient == pytest.approx(settings().kl_coefficient * 1.1)


def test_prompts_that_do_not_fit_are_refused_before_the_first_step(files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="Shorten the prompts"):
        run(settings(**files, max_new_tokens=120), tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_reward_model_of_another_vocabulary_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["another"])
    tokenizer.save_pretrained(tmp_path / "reward")
    with pytest.raises(TrainerError, match="vocabular"):
        run(settings(**files), tmp_path / "run")


def test_a_score_that_is_no_number_stops_the_run_and_names_the_step(files: dict[str, Any], tmp_path: Path) -> None:
    reward = RewardModel(make_policy("gpt2", seed=1).base_model)
    reward.bias.fill_(math.nan)
    reward.save(tmp_path / "reward")
    with pytest.raises(TrainerError, match="Step 1"):
        run(settings(**files), tmp_path / "run")


def test_ptx_without_texts_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"texts\.jsonl"):
        run(settings(**files, ptx_coefficient=1.0), tmp_path / "run")
