"""Traps 4, 14 and 16 on the stage itself."""

import json
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import pytest
import torch

from tests.trainer.tiny import (
    CONFIGS,
    SENTENCES,
    make_demonstration,
    make_group,
    make_policy,
    make_tokenizer,
    save_policy,
)
from trainer.config import BadSetting, SFTConfig
from trainer.encoding import make_encoder
from trainer.epochs import kept_epochs
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import micro_batches
from trainer.layout import rows_from_groups
from trainer.layout_choice import LayOut
from trainer.logprobs import packed_logprobs
from trainer.loop import prepare
from trainer.models import RewardModel, load_policy
from trainer.pretrain import train_tokenizer
from trainer.records import Message, TextRecord, write_lines
from trainer.sft import MixedTexts, accumulate, labels_in, main

CPU = torch.device("cpu")
ENCODER = make_encoder(make_tokenizer(), 50, 50)


def settings(tmp_path: Path, **values: object) -> SFTConfig:
    model = tmp_path / "base"
    if not model.exists():
        save_policy(model)
        rows = [make_demonstration(number, split="validation" if number > 8 else "train") for number in range(12)]
        write_lines(tmp_path / "demonstrations.jsonl", rows)
    given = {"model": str(model), "demonstrations": str(tmp_path / "demonstrations.jsonl"), "batch": 3, "epochs": 2}
    return SFTConfig(**{"learning_rate": 1e-3, "device": "cpu", **given, **values})  # type: ignore[arg-type]


def run(config: SFTConfig, path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    folder = RunFolder(path)
    main(config, folder)
    return folder


def test_every_completion_token_has_a_label_and_the_end_too_but_no_prompt_token() -> None:
    groups = [make_group((1,), lengths=(4,)), make_group((1,), lengths=(2,), seed=1)]
    rows = rows_from_groups(groups, 0)
    labels = rows.input_ids[rows.completion_mask].tolist()
    assert labels == [*groups[0].completion_ids[0], *groups[1].completion_ids[0]]
    assert packed_logprobs(make_policy(), rows).shape == (6,)
    assert labels_in(groups) == 6


@pytest.mark.parametrize("architecture", CONFIGS)
def test_neither_micro_batches_nor_packing_change_loss_or_gradient(architecture: str) -> None:
    """`shared` puts examples of unlike length into one row, where none may see another."""
    groups = [make_group((1,), prompt=3 + size, lengths=(size,), seed=size) for size in (1, 9, 4, 7, 2)]
    gradients, losses = [], []
    for layout, size in product(("rows", "shared"), (0, 1, 2)):
        policy = make_policy(architecture)
        lay_out = LayOut(policy.base_model, layout, 0, CPU)
        losses.append(accumulate(policy, lay_out, micro_batches(groups, size)))
        gradients.append([parameter.grad for parameter in policy.parameters() if parameter.grad is not None])
    assert losses[1:] == pytest.approx([losses[0]] * 5, rel=1e-5)
    for parts in gradients[1:]:
        for whole, part in zip(gradients[0], parts, strict=True):
            torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-4)


def test_an_overfitted_sample_says_its_words_and_stops(tmp_path: Path) -> None:
    folder = run(
        settings(tmp_path, epochs=60, learning_rate=1.5e-2, residual_dropout=0.0, keep="last"), tmp_path / "run"
    )
    policy = load_policy(folder.model)
    (prompt,) = ENCODER.prompts([(Message("user", "place 0"),)])
    with torch.no_grad():
        ids = policy.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=False)[0, len(prompt) :].tolist()
    assert ids[-1] == ENCODER.end_id
    assert ENCODER.text(ids) == SENTENCES[0]


def test_a_resumed_run_ends_in_the_same_weights(tmp_path: Path) -> None:
    config = settings(tmp_path, checkpoint_every=2, keep_checkpoints=9)
    whole = run(config, tmp_path / "whole")
    for path in ("step-0000004", "step-0000006"):
        (whole.checkpoints / path / "state.pt").unlink()
    first = load_policy(whole.model).state_dict()
    lines = whole.metrics.read_text()
    again = load_policy(run(config, whole.path).model).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    strip = [
        [{**json.loads(line), "time": 0} for line in text.splitlines()] for text in (lines, whole.metrics.read_text())
    ]
    assert strip[0] == strip[1]


def test_the_best_epoch_is_kept_by_validation_loss(tmp_path: Path) -> None:
    folder = run(settings(tmp_path, epochs=4, learning_rate=0.5, clip_norm=0.0), tmp_path / "run")
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    by_epoch = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert len(by_epoch) == 4
    results = json.loads(folder.results.read_text())
    assert results["validation_loss"] == pytest.approx(min(by_epoch), rel=1e-5)
    assert [epoch["validation_loss"] for epoch in results["epochs"]] == pytest.approx(sorted(by_epoch), rel=1e-5)


def save_judge(folder: Path) -> str:
    """Random, but the same for the same words."""
    RewardModel(make_policy(seed=3).base_model).save(folder)
    make_tokenizer().save_pretrained(folder)
    return str(folder)


def test_a_reward_model_that_comes_later_chooses_among_all_epochs(tmp_path: Path) -> None:
    config = settings(tmp_path, epochs=3, learning_rate=2e-2)
    folder = run(config, tmp_path / "run")
    assert len(kept_epochs(folder)) == 3
    lines = folder.metrics.read_text()
    run(replace(config, reward_model=save_judge(tmp_path / "judge"), max_new_tokens=20), folder.path)
    assert folder.metrics.read_text() == lines  # nothing was learned again
    chosen, *others = json.loads(folder.results.read_text())["epochs"]
    assert len(others) == 2
    assert len({epoch["score"] for epoch in (chosen, *others)}) == 3
    assert all(chosen["score"] > epoch["score"] for epoch in others)
    assert [epoch.number for epoch in kept_epochs(folder)] == [chosen["number"]]
    kept = json.loads(folder.results.read_text())["validation_loss"]
    assert kept == pytest.approx(chosen["validation_loss"], rel=1e-5)


def test_the_chosen_epoch_stays_chosen_when_the_command_runs_again(tmp_path: Path) -> None:
    config = settings(tmp_path, epochs=3, learning_rate=2e-2, max_new_tokens=20)
    config = replace(config, reward_model=save_judge(tmp_path / "judge"))
    first = load_policy(run(config, tmp_path / "run").model).state_dict()
    again = load_policy(run(config, tmp_path / "run").model).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_an_epoch_that_was_cut_short_is_not_chosen(tmp_path: Path) -> None:
    folder = run(settings(tmp_path, epochs=2), tmp_path / "run")
    (folder.path / "epochs/001/measured.json").unlink()
    assert [epoch.number for epoch in kept_epochs(folder)] == [2]


@pytest.mark.parametrize("values", [{"keep": "last"}, {"demonstrations": "without validation"}])
def test_a_reward_model_without_anything_to_choose_by_is_refused(values: dict[str, str], tmp_path: Path) -> None:
    config = settings(tmp_path, reward_model=save_judge(tmp_path / "judge"), **values)
    if "demonstrations" in values:
        config = replace(config, demonstrations=str(tmp_path / "train.jsonl"))
        write_lines(tmp_path / "train.jsonl", [make_demonstration()])
    with pytest.raises(BadSetting, match="split validation"):
        run(config, tmp_path / "run")


def test_a_reward_model_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    judge = save_judge(tmp_path / "judge")
    train_tokenizer(["Quite other words than before, and more of them."], 290).save_pretrained(judge)
    with pytest.raises(TrainerError, match="different vocabularies"):
        run(settings(tmp_path, reward_model=judge), tmp_path / "run")


def with_texts(tmp_path: Path, **values: object) -> SFTConfig:
    write_lines(tmp_path / "texts.jsonl", [TextRecord(f"{text} Number {n}.") for n in range(4) for text in SENTENCES])
    return settings(tmp_path, texts=str(tmp_path / "texts.jsonl"), **values)


@pytest.mark.parametrize(
    ("share", "of_steps"), [(0.25, [1, 1, 1]), (0.1, [0, 0, 1]), (0.5, [3, 3, 3]), (0.0, [0, 0, 0])]
)
def test_texts_are_that_share_of_what_is_learned(share: float, of_steps: list[int], tmp_path: Path) -> None:
    config = with_texts(tmp_path, texts_share=share)  # three demonstrations a step
    texts = MixedTexts(config, ENCODER, make_policy())
    assert [len(texts.at_step(step)) for step in range(3)] == of_steps
    many = 300
    learned = texts.before(many)
    assert learned / (learned + 3 * many) == pytest.approx(share, abs=1e-3)
    for group in texts.at_step(2):
        text = ENCODER.text([*group.prompt_ids, *group.completion_ids[0]])
        assert text.startswith(SENTENCES)
        assert group.completion_ids[0][-1] == ENCODER.end_id


def test_each_text_comes_once_before_any_comes_twice(tmp_path: Path) -> None:
    texts = MixedTexts(with_texts(tmp_path, texts_share=0.5), ENCODER, make_policy())
    first, second = ([group for step in steps for group in texts.at_step(step)] for steps in (range(4), range(4, 8)))
    assert len(set(first)) == len(set(second)) == 12


def test_texts_mixed_in_are_learned_beside_the_demonstrations(tmp_path: Path) -> None:
    def nats_a_token(folder: RunFolder) -> float:
        policy = load_policy(folder.model).eval()
        groups = [group for step in range(4) for group in texts.at_step(step)]
        return float(-packed_logprobs(policy, rows_from_groups(groups, 0)).detach().mean())

    plain = {"epochs": 6, "learning_rate": 5e-3, "residual_dropout": 0.0}
    config = with_texts(tmp_path, texts_share=0.5, **plain)
    texts = MixedTexts(config, ENCODER, make_policy())
    mixed, alone = run(config, tmp_path / "mixed"), run(settings(tmp_path, **plain), tmp_path / "alone")
    assert nats_a_token(mixed) < nats_a_token(alone) - 0.3
    results = [json.loads(folder.results.read_text()) for folder in (mixed, alone)]
    assert results[0]["texts"] == 54
    assert "texts" not in results[1]
    assert "texts: `" in (mixed.model / "README.md").read_text()


def test_a_run_with_texts_resumes_with_the_same(tmp_path: Path) -> None:
    config = with_texts(tmp_path, texts_share=0.4, checkpoint_every=2, keep_checkpoints=9)
    whole = run(config, tmp_path / "whole")
    for path in ("step-0000004", "step-0000006"):
        (whole.checkpoints / path / "state.pt").unlink()
    first = load_policy(whole.model).state_dict()
    again = load_policy(run(config, whole.path).model).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_card_names_data_and_every_setting(tmp_path: Path) -> None:
    config = settings(tmp_path)
    card = (run(config, tmp_path / "run").model / "README.md").read_text()
    assert "demonstrations: `" in card
    assert json.loads(card.split("```json")[1].split("```")[0]) == asdict(config)
    assert '"truncated": 0' in card


def test_cut_demonstrations_are_counted(tmp_path: Path) -> None:
    folder = run(settings(tmp_path, max_completion_tokens=5), tmp_path / "run")
    assert json.loads(folder.results.read_text())["truncated"] == 9


def test_a_file_without_training_rows_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path)
    write_lines(Path(config.demonstrations), [make_demonstration(split="test")])
    with pytest.raises(TrainerError, match="no demonstration"):
        run(config, tmp_path / "run")


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_what_is_longer_than_the_model_is_refused(architecture: str, tmp_path: Path) -> None:
    config = settings(tmp_path)
    save_policy(Path(config.model), architecture)
    write_lines(Path(config.demonstrations), [make_demonstration(completion="river " * 60)])
    with pytest.raises(TrainerError, match="knows 128 positions"):
        run(config, tmp_path / "run")


def test_no_cuda_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainerError, match="no CUDA"):
        prepare(SFTConfig(device="cuda"))
