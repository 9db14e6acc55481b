"""Each method on the tiny model: what it promises, how near it stays to its start, and that it resumes bit for bit."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.tiny import make_comparison, make_group, make_policy, make_tokenizer, save_policy
from trainer.align import (
    Lesson,
    accumulate_imitation,
    accumulate_preferences,
    main,
    preference_loss,
    prompts_for_kl,
    with_reference,
)
from trainer.config import ALIGNMENT_METHODS, AlignConfig, BadSetting
from trainer.encoding import load_tokenizer, make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.likelihoods import Speaker, all_group_logprobs, group_logprobs
from trainer.models import RewardModel, load_policy
from trainer.records import Message, PromptRecord, Sample, read_lines, write_lines

OF_RANKINGS = ("dpo", "dpo_ranking", "ipo", "slic", "rrhf", "pro")
ENCODER = make_encoder(make_tokenizer(), 50, 50)
GROUPS = [
    make_group((1, 2, 3), lengths=(3, 9, 2)),
    make_group((2, 1), prompt=9, lengths=(4, 4), seed=1),
    make_group((1, 1, 2, 3), lengths=(1, 2, 8, 5), seed=2),
]


def settings(tmp_path: Path, method: str, **values: object) -> AlignConfig:
    paths = {name: tmp_path / name for name in ("sft", "reward", "comparisons.jsonl", "prompts.jsonl")}
    if not paths["sft"].exists():
        save_policy(paths["sft"])
        make_reward().save(paths["reward"])
        make_tokenizer().save_pretrained(paths["reward"])
        splits = ["train"] * 9 + ["validation"] * 2
        rows = [make_comparison(number, split=split) for number, split in enumerate(splits)]
        write_lines(paths["comparisons.jsonl"], [*rows, make_comparison(20, (1, 1, 1)), make_comparison(21, None)])
        write_lines(paths["prompts.jsonl"], [PromptRecord(row.prompt_id, row.prompt, row.split) for row in rows])
    given = {
        "model": str(paths["sft"]),
        "comparisons": str(paths["comparisons.jsonl"]),
        "prompts": str(paths["prompts.jsonl"]),
        "reward_model": str(paths["reward"]),
        "method": method,
        "batch": 3,
        "candidates": 4,
        "accepted": 3,
        "max_new_tokens": 8,
        "device": "cpu",
    }
    return AlignConfig(**{"learning_rate": 1e-3, **given, **values})  # type: ignore[arg-type]


def make_reward() -> RewardModel:
    """One whose taste can be learned: its layers add nothing, so that the last token alone decides."""
    reward = RewardModel(make_policy(seed=1).base_model)
    with torch.no_grad():
        for name, parameter in reward.backbone.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.zero_()
    return reward


def run(config: AlignConfig, path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    folder = RunFolder(path)
    main(config, folder)
    return folder


def results(folder: RunFolder) -> dict[str, Any]:
    return json.loads(folder.results.read_text())  # type: ignore[no-any-return]


def metrics(folder: RunFolder) -> list[dict[str, float]]:
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


def speaker() -> Speaker:
    return Speaker(make_policy(), ENCODER)


def gradients(model: Any) -> list[torch.Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("method", OF_RANKINGS)
def test_what_people_prefer_becomes_likelier(method: str, tmp_path: Path) -> None:
    weights = {"best_weight": 0.01}
    folder = run(settings(tmp_path, method, epochs=20, learning_rate=3e-3, **weights), tmp_path / "run")
    first, last = metrics(folder)[0], metrics(folder)[-1]
    assert (first["accuracy"], first["margin"], first["drift"]) == (0.5, 0.0, 0.0)
    assert last["accuracy"] > 0.9
    assert last["margin"] > 0.3
    assert last["loss"] < first["loss"]
    assert results(folder)["validation"]["pairs"] == 6


@pytest.mark.parametrize("method", ["dpo", "dpo_ranking", "ipo"])
def test_a_stronger_hold_keeps_the_policy_nearer_to_its_start(method: str, tmp_path: Path) -> None:
    moved = {}
    for beta in (0.05, 2.0):
        config = settings(tmp_path, method, epochs=12, learning_rate=3e-3, beta=beta)
        folder = run(config, tmp_path / f"run-{beta}")
        moved[beta] = metrics(folder)[-1]["margin"]
    assert 0 < moved[2.0] < moved[0.05]


def test_kl_is_nothing_before_learning_and_something_after(tmp_path: Path) -> None:
    still = results(run(settings(tmp_path, "dpo", learning_rate=0.0), tmp_path / "still"))
    moved = results(run(settings(tmp_path, "dpo", epochs=20, learning_rate=3e-3, kl_prompts=8), tmp_path / "moved"))
    assert still["kl"] == pytest.approx(0.0, abs=1e-4)
    assert moved["kl"] > 0.05
    unmeasured = results(run(settings(tmp_path, "dpo", kl_prompts=0), tmp_path / "unmeasured"))
    assert unmeasured["kl"] is None


def test_conditional_tells_the_best_from_the_worst_and_asks_for_the_best(tmp_path: Path) -> None:
    config = settings(tmp_path, "conditional", epochs=40, learning_rate=5e-3, grades=3)
    folder = run(config, tmp_path / "run")
    seen = [line for line in metrics(folder) if "validation_accuracy" in line]
    assert len(seen) == 40
    assert metrics(folder)[-1]["loss"] < metrics(folder)[0]["loss"]
    tokenizer = make_encoder(load_of(folder), 50, 50).tokenizer
    asked = make_encoder(tokenizer, 50, 50).prompts([(Message("user", "place 1"),)])[0]
    assert asked[-1] == tokenizer.convert_tokens_to_ids("<|rank_1|>")
    assert asked[:-1] == ENCODER.prompts([(Message("user", "place 1"),)])[0]
    model = load_policy(folder.model)
    # Completions are a sentence and two numbers; the sentence differs by rank, and so must its likelihood by token.
    best, worst = (
        logprob_after(model, tokenizer, asked, grade, make_comparison(1).completions[0] or "") for grade in (1, 3)
    )
    assert best > worst + 1


def load_of(folder: RunFolder) -> Any:
    return load_tokenizer(folder.model)


def logprob_after(model: Any, tokenizer: Any, asked: Sequence[int], grade: int, text: str) -> float:
    encoder = make_encoder(tokenizer, 50, 50)
    control = tokenizer.convert_tokens_to_ids(f"<|rank_{grade}|>")
    group = make_group((1,))
    group = type(group)("p", (*asked[:-1], control), (encoder.completions([text])[0].ids,), (1,), (False,))
    return float(all_group_logprobs(model, [group], encoder.pad_id, 8)[0])


# One token to choose, so that the policy can find out what the reward model likes.
SHORT: dict[str, Any] = {"learning_rate": 1e-2, "candidates": 32, "accepted": 8, "max_new_tokens": 1}


@pytest.mark.parametrize("method", ["rso", "expert_iteration"])
def test_the_reward_model_likes_better_what_the_policy_says_after_it_has_learned(method: str, tmp_path: Path) -> None:
    values = {**SHORT, "epochs": 20}
    first = run(settings(tmp_path, method, **values), tmp_path / "first")
    run(settings(tmp_path, "expert_iteration", **{**values, "model": str(first.model)}), tmp_path / "again")
    assert mean_score(tmp_path / "again") > mean_score(tmp_path / "first") + 0.5


def mean_score(path: Path) -> float:
    scores = [sample.score or 0.0 for sample in read_lines(Sample, path / "drawn-1.jsonl")]
    assert len(scores) == 9 * 32
    return sum(scores) / len(scores)


def test_each_round_draws_from_the_policy_as_it_has_become(tmp_path: Path) -> None:
    config = settings(tmp_path, "expert_iteration", **SHORT, rounds=3, epochs=4)
    folder = run(config, tmp_path / "run")
    rounds = [metrics(folder)[index]["score"] for index in (0, 12, 24)]
    assert rounds[0] < rounds[1] < rounds[2]
    assert results(folder)["best_score"] > results(folder)["score"]
    assert results(folder)["score"] == pytest.approx(rounds[2], abs=1e-4)


@pytest.mark.parametrize("method", ALIGNMENT_METHODS)
def test_a_resumed_run_ends_in_the_same_weights(method: str, tmp_path: Path) -> None:
    config = settings(tmp_path, method, epochs=2, rounds=2, checkpoint_every=2, keep_checkpoints=9)
    whole = run(config, tmp_path / "whole")
    first, told = load_policy(whole.model).state_dict(), results(whole)
    for path in sorted(whole.checkpoints.iterdir())[2:]:
        (path / "state.pt").unlink()
    again = load_policy(run(config, whole.path).model).state_dict()
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert results(whole) == told


@pytest.mark.parametrize("method", OF_RANKINGS)
def test_micro_batches_do_not_change_the_gradient(method: str) -> None:
    found = []
    for size in (0, 1, 2):
        one = speaker()
        lessons = with_reference(Speaker(make_policy(seed=1), ENCODER), GROUPS, 4)
        accumulate_preferences(one, lessons, preference_loss(AlignConfig(method=method)), size)
        found.append(gradients(one.model))
    for parts in found[1:]:
        for whole, part in zip(found[0], parts, strict=True):
            torch.testing.assert_close(part, whole, atol=1e-5, rtol=1e-4)


def test_micro_batches_do_not_change_what_is_imitated() -> None:
    batch = [[make_group((1,), lengths=(size,), prompt=size + 2, seed=size)] for size in (1, 9, 4, 7)]
    found, losses = [], []
    for size in (0, 1, 3):
        one = speaker()
        losses.append(accumulate_imitation(one, batch, size))
        found.append(gradients(one.model))
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-6)
    for parts in found[1:]:
        for whole, part in zip(found[0], parts, strict=True):
            torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-4)


def test_the_gradient_of_an_all_tied_prompt_is_zero_in_the_model_too() -> None:
    for method in OF_RANKINGS:
        one = speaker()
        lessons = with_reference(one, [make_group((1, 1, 1))], 4)
        accumulate_preferences(one, lessons, preference_loss(AlignConfig(method=method)), 0)
        assert all(not gradient.any() for gradient in gradients(one.model))


def test_only_completions_count_and_neighbours_do_not() -> None:
    one = speaker()
    alone = [group_logprobs(one.model, [group], ENCODER.pad_id)[0] for group in GROUPS]
    together = all_group_logprobs(one.model, GROUPS, ENCODER.pad_id, 100)
    for single, joint in zip(alone, together, strict=True):
        torch.testing.assert_close(single.detach(), joint, atol=1e-4, rtol=1e-5)
    prompt, completion = GROUPS[1].prompt_ids, GROUPS[1].completion_ids[0]
    logits = one.model(input_ids=torch.tensor([[*prompt, *completion]])).logits[0].log_softmax(-1)
    by_hand = sum(logits[len(prompt) - 1 + place, token] for place, token in enumerate(completion))
    torch.testing.assert_close(alone[1][0], by_hand, atol=1e-4, rtol=1e-5)


def test_dropout_is_off_so_that_the_first_ratio_is_one(tmp_path: Path) -> None:
    config = settings(tmp_path, "dpo")
    policy = make_policy("gpt2")
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        setattr(policy.config, name, 0.5)
    policy.save_pretrained(config.model)
    line = metrics(run(config, tmp_path / "run"))[0]
    assert line["drift"] == pytest.approx(0.0, abs=1e-5)
    assert line["margin"] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("method", "name"),
    [("dpo", "comparisons"), ("conditional", "comparisons"), ("rso", "prompts"), ("expert_iteration", "reward_model")],
)
def test_a_file_that_the_method_needs_is_asked_for(method: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"`{name}` is required by the method {method}"):
        run(settings(tmp_path, method, **{name: ""}), tmp_path / "run")


def test_more_cannot_be_accepted_than_were_drawn(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="at most candidates, which is 4"):
        run(settings(tmp_path, "rso", accepted=5), tmp_path / "run")


def test_what_teaches_nothing_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path, "dpo")
    with pytest.raises(TrainerError, match="Shorten the prompts"):
        run(settings(tmp_path, "dpo", max_new_tokens=120), tmp_path / "run")
    write_lines(Path(config.comparisons), [make_comparison(1, (1, 1))])
    with pytest.raises(TrainerError, match="prefers anything"):
        run(config, tmp_path / "run")
    write_lines(Path(config.prompts), [PromptRecord("p", (Message("user", "x"),), "test")])
    with pytest.raises(TrainerError, match="no prompt of the split train"):
        run(settings(tmp_path, "rso"), tmp_path / "run")


def test_another_vocabulary_of_the_reward_model_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path, "rso")
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["<|more|>"])
    tokenizer.save_pretrained(config.reward_model)
    with pytest.raises(TrainerError, match="different vocabularies"):
        run(config, tmp_path / "run")


def test_kl_is_measured_on_validation_prompts_and_each_once(tmp_path: Path) -> None:
    rows = [make_comparison(number % 4, split="validation" if number % 2 else "train") for number in range(8)]
    config = settings(tmp_path, "dpo", kl_prompts=5)
    write_lines(Path(config.comparisons), rows)
    assert [prompt[0].content for prompt in prompts_for_kl(config)] == ["place 1", "place 3"]


def test_the_card_names_the_method_and_the_data(tmp_path: Path) -> None:
    card = (run(settings(tmp_path, "ipo"), tmp_path / "run").model / "README.md").read_text()
    assert "comparisons: `" in card
    assert '"method": "ipo"' in card
    assert '"kl": ' in card


def test_a_lesson_holds_what_the_start_said() -> None:
    lesson = with_reference(speaker(), GROUPS[:1], 4)[0]
    assert isinstance(lesson, Lesson)
    assert lesson.reference.shape == (3,)
    assert not lesson.reference.requires_grad
