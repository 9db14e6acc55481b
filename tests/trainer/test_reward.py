"""Traps 11, 14 and 16 on the stage, and the bias to demonstrations."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch

from tests.trainer.tiny import make_comparison, make_demonstration, make_group, make_policy, make_tokenizer, save_policy
from trainer.config import BadSetting, RewardConfig
from trainer.encoding import groups_from_comparisons, groups_from_demonstrations, make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import micro_batches, token_batches
from trainer.layout_choice import LayOut
from trainer.losses import ranking_loss, tie_strength_of
from trainer.models import RewardModel, load_reward_model
from trainer.ratings import Attribute, told
from trainer.records import Comparison, write_lines
from trainer.reward import accumulate, accuracy, all_scores, judgements, main

CPU = torch.device("cpu")
ENCODER = make_encoder(make_tokenizer(), 50, 50)
LAY_OUT = LayOut(make_policy().base_model, "auto", ENCODER.pad_id, CPU)
DEMONSTRATIONS = [make_demonstration(number) for number in range(5)]


def settings(tmp_path: Path, **values: object) -> RewardConfig:
    model, comparisons = tmp_path / "sft", tmp_path / "comparisons.jsonl"
    if not model.exists():
        save_policy(model)
        splits = ["train"] * 9 + ["validation", "test"]
        rows = [make_comparison(number, split=split) for number, split in enumerate(splits)]
        write_lines(comparisons, [*rows, make_comparison(20, (1, 1, 1)), make_comparison(21, None)])
        write_lines(tmp_path / "demonstrations.jsonl", DEMONSTRATIONS)
    given = {"model": str(model), "comparisons": str(comparisons), "batch": 3, "device": "cpu"}
    return RewardConfig(**{"learning_rate": 1e-3, **given, **values})  # type: ignore[arg-type]


def run(config: RewardConfig, path: Path) -> RunFolder:
    path.mkdir(exist_ok=True)
    folder = RunFolder(path)
    main(config, folder)
    return folder


def make_reward_model() -> RewardModel:
    torch.manual_seed(1)
    return RewardModel(make_policy().base_model)


def test_neither_micro_batches_nor_the_layout_change_the_gradient() -> None:
    groups = [
        make_group((1, 2, 3), lengths=(3, 9, 2)),
        make_group((2, 1), prompt=9, lengths=(4, 4), seed=1),
        make_group((1, 1, 2, 3), lengths=(1, 2, 8, 5), seed=2),
    ]
    gradients = []
    splits = ([groups], micro_batches(groups, 1), micro_batches(groups, 2), token_batches(groups, 40))
    for layout, parts in product(("rows", "shared"), splits):
        model = make_reward_model()
        accumulate(model, LayOut(model.backbone, layout, 0, CPU), parts, ranking_loss)
        gradients.append([parameter.grad for parameter in model.parameters() if parameter.grad is not None])
    for parts in gradients[1:]:
        for whole, part in zip(gradients[0], parts, strict=True):
            torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-4)


def test_batches_do_not_change_scores_or_their_order() -> None:
    groups = groups_from_comparisons(ENCODER, [make_comparison(number) for number in range(5)])
    model = make_reward_model()
    for one, other in zip(all_scores(model, LAY_OUT, groups, 5), all_scores(model, LAY_OUT, groups, 1), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_it_learns_an_order_that_can_be_learned(tmp_path: Path) -> None:
    folder = run(settings(tmp_path, epochs=25, learning_rate=5e-3), tmp_path / "run")
    results = json.loads(folder.results.read_text())
    assert results["validation"]["pairs"] == results["test"]["pairs"] == 3
    model = load_reward_model(folder.model)
    groups = groups_from_comparisons(ENCODER, [make_comparison(number) for number in range(9)])
    assert accuracy(model, LAY_OUT, groups, 4).share == 1.0


def test_demonstrations_score_nothing_on_average(tmp_path: Path) -> None:
    config = settings(tmp_path, demonstrations=str(tmp_path / "demonstrations.jsonl"))
    model = load_reward_model(run(config, tmp_path / "run").model)
    scores = all_scores(model, LAY_OUT, groups_from_demonstrations(ENCODER, DEMONSTRATIONS), 8)
    assert torch.cat(scores).mean().item() == pytest.approx(0.0, abs=1e-5)
    assert model.bias.item() != 0


def test_without_demonstrations_the_ranked_completions_score_nothing_on_average(tmp_path: Path) -> None:
    model = load_reward_model(run(settings(tmp_path), tmp_path / "run").model)
    groups = groups_from_comparisons(ENCODER, [make_comparison(number) for number in range(9)])
    assert torch.cat(all_scores(model, LAY_OUT, groups, 8)).mean().item() == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("keep", ["last", "best", "average"])
def test_a_resumed_run_ends_in_the_same_weights(keep: str, tmp_path: Path) -> None:
    config = settings(tmp_path, epochs=2, checkpoint_every=2, keep_checkpoints=9, keep=keep, residual_dropout=0.1)
    whole = run(config, tmp_path / "whole")
    first = load_reward_model(whole.model).state_dict()
    for name in ("step-0000004", "step-0000006"):
        (whole.checkpoints / name / "state.pt").unlink()
    again = load_reward_model(run(config, whole.path).model).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    "values",
    [{"ties": "davidson"}, {"ties": "davidson", "tie_strength": 0.5}, {"loss": "plackett_luce"}, {"margin": 1.0}],
    ids=str,
)
def test_every_loss_learns_an_order_that_can_be_learned(values: dict[str, object], tmp_path: Path) -> None:
    folder = run(settings(tmp_path, epochs=25, learning_rate=5e-3, **values), tmp_path / "run")
    model = load_reward_model(folder.model)
    groups = groups_from_comparisons(ENCODER, [make_comparison(number) for number in range(9)])
    assert accuracy(model, LAY_OUT, groups, 4).share == 1.0


def test_how_likely_ties_are_is_learned_kept_and_told(tmp_path: Path) -> None:
    config = settings(tmp_path, ties="davidson", epochs=3, learning_rate=1e-2)
    folder = run(config, tmp_path / "learned")
    told = json.loads(folder.results.read_text())["tie_strength"]
    begun = tie_strength_of([(1, 2, 3)] * 9 + [(1, 1, 1)])
    assert told != pytest.approx(begun)
    assert load_reward_model(folder.model).tie_strength == pytest.approx(told, rel=1e-4)
    fixed = run(settings(tmp_path, ties="davidson", tie_strength=0.25), tmp_path / "fixed")
    assert load_reward_model(fixed.model).tie_strength == pytest.approx(0.25)
    assert load_reward_model(run(settings(tmp_path), tmp_path / "dropped").model).tie_strength is None


def test_a_resumed_run_keeps_its_tie_strength(tmp_path: Path) -> None:
    config = settings(tmp_path, ties="davidson", epochs=2, checkpoint_every=2, keep_checkpoints=9)
    whole = run(config, tmp_path / "whole")
    first = load_reward_model(whole.model).state_dict()
    newest = sorted(whole.checkpoints.glob("step-*"))[1:]
    for checkpoint in newest:
        (checkpoint / "state.pt").unlink()
    again = load_reward_model(run(config, whole.path).model).state_dict()
    assert "log_tie_strength" in first
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"loss": "plackett_luce", "ties": "half"}, "ties"),
        ({"loss": "plackett_luce", "margin": 1.0}, "margin"),
        ({"ties": "davidson", "margin": 1.0}, "margin"),
    ],
)
def test_settings_that_do_not_go_together_are_named(values: dict[str, object], name: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as caught:
        main(settings(tmp_path, **values), RunFolder(tmp_path))
    assert caught.value.name == name


def test_a_file_that_prefers_nothing_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path)
    write_lines(Path(config.comparisons), [make_comparison(1, (1, 1))])
    with pytest.raises(TrainerError, match="prefers anything"):
        run(config, tmp_path / "run")


def make_rated(number: int = 0, ranks: tuple[int, ...] | None = (1, 2, 3), split: str = "train") -> Comparison:
    """The third sentence is made up, and the second is rated low; one rating in three is missing."""
    row = make_comparison(number, ranks, split)
    ratings = [{"overall": 6, "made_up": False}, {"overall": 2, "made_up": False}, {"overall": 5, "made_up": True}]
    return replace(row, ratings=tuple({} if place == number % 3 else rating for place, rating in enumerate(ratings)))


def test_ratings_are_learned_beside_the_ranking_and_told_again_after_loading(tmp_path: Path) -> None:
    config = settings(tmp_path, epochs=40, learning_rate=5e-3, ratings="all", ratings_weight=1.0, ties="half")
    splits = ["train"] * 9 + ["validation", "test"]
    write_lines(Path(config.comparisons), [make_rated(number, split=split) for number, split in enumerate(splits)])
    folder = run(config, tmp_path / "run")
    model = load_reward_model(folder.model)
    assert [(one.name, one.kind) for one in model.attributes] == [("made_up", "flag"), ("overall", "number")]
    groups = groups_from_comparisons(ENCODER, [make_rated(number) for number in range(9)])
    assert accuracy(model, LAY_OUT, groups, 4).share == 1.0
    for _, outputs in judgements(model, LAY_OUT, groups, 4):
        first, second, third = told(outputs, model.attributes)
        assert [first["overall"], second["overall"], third["overall"]] == pytest.approx([6, 2, 5], abs=0.8)
        assert max(first["made_up"], second["made_up"]) < 0.2 < 0.8 < third["made_up"]
    assert set(json.loads(folder.results.read_text())["validation"]["ratings"]) == {"made_up", "overall"}
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert lines[-1]["ratings_loss"] < 0.1 * lines[0]["ratings_loss"]


def test_ratings_without_a_ranking_teach_the_heads_alone(tmp_path: Path) -> None:
    """Neither an unranked comparison nor one that is all tied adds to the ranking's loss."""
    config = settings(tmp_path, ratings="overall", epochs=1, batch=64, learning_rate=0.0)
    ranked = [make_rated(number) for number in range(3)]
    idle = [make_rated(7, None), make_rated(8, (1, 1, 1))]
    losses = []
    for name, rows in (("few", ranked), ("more", ranked + idle)):
        write_lines(Path(config.comparisons), rows)
        folder = run(config, tmp_path / name)
        losses.append(json.loads(folder.metrics.read_text().splitlines()[0]))
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], rel=1e-4)
    assert losses[0]["ratings_loss"] != pytest.approx(losses[1]["ratings_loss"], rel=1e-3)


def test_micro_batches_do_not_change_the_gradient_of_ratings() -> None:
    groups = groups_from_comparisons(ENCODER, [make_rated(number) for number in range(4)])
    gradients = []
    for parts in ([groups], micro_batches(groups, 1), micro_batches(groups, 3)):
        model = make_reward_model()
        torch.manual_seed(2)
        model.expect_ratings([Attribute("overall", "number", 4.0, 2.0), Attribute("made_up", "flag")])
        accumulate(model, LayOut(model.backbone, "rows", 0, CPU), parts, ranking_loss, 0.5)
        gradients.append([parameter.grad for parameter in model.parameters() if parameter.grad is not None])
    for parts in gradients[1:]:
        for whole, part in zip(gradients[0], parts, strict=True):
            torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-4)


def test_a_weight_of_nothing_leaves_the_ranking_as_it_was(tmp_path: Path) -> None:
    config = settings(tmp_path, ratings="overall", ratings_weight=0.0)
    splits = ["train"] * 9 + ["validation", "test"]
    write_lines(Path(config.comparisons), [make_rated(number, split=split) for number, split in enumerate(splits)])
    beside = load_reward_model(run(config, tmp_path / "beside").model)
    alone = load_reward_model(run(replace(config, ratings=""), tmp_path / "alone").model)
    assert torch.equal(beside.head.weight, alone.head.weight)
    assert alone.attributes == ()
