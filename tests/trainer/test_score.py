from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.trainer.tiny import make_comparison, make_policy, make_tokenizer
from trainer.config import ScoreConfig
from trainer.encoding import make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.layout import rows_from_pairs
from trainer.models import RewardModel, load_reward_model
from trainer.ratings import Attribute
from trainer.records import Comparison, Message, PromptRecord, Sample, ScoreRecord, read_lines, write_lines
from trainer.score import main

ENCODER = make_encoder(make_tokenizer(), 50, 50)
PROMPT = (Message("user", "Where?"),)


def settings(tmp_path: Path, **values: object) -> ScoreConfig:
    model = RewardModel(make_policy().base_model)
    model.bias.fill_(0.5)
    model.save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    return ScoreConfig(**{"reward_model": str(tmp_path / "reward"), "device": "cpu", "batch": 2, **values})  # type: ignore[arg-type]


def score_alone(tmp_path: Path, ids: tuple[int, ...]) -> float:
    model = load_reward_model(tmp_path / "reward").eval()
    return float(model(rows_from_pairs(ENCODER.prompts([PROMPT]), [ids], 0)).detach())


def make_sample(text: str) -> Sample:
    (encoded,) = ENCODER.completions([text])
    return Sample("p1", text, encoded.ids, "stop", -1.0, "policy", 0, 1.0)


def test_samples_come_back_with_their_scores(tmp_path: Path) -> None:
    texts = ("By the river.", "No.", "In the city centre, near the park.")
    write_lines(tmp_path / "samples.jsonl", [make_sample(text) for text in texts])
    write_lines(tmp_path / "prompts.jsonl", [PromptRecord("p1", PROMPT)])
    config = settings(tmp_path, samples=str(tmp_path / "samples.jsonl"), prompts=str(tmp_path / "prompts.jsonl"))
    folder = RunFolder(tmp_path)
    main(config, RunFolder(tmp_path))
    scored = list(read_lines(Sample, folder.samples))
    assert [sample.score for sample in scored] == [
        pytest.approx(score_alone(tmp_path, make_sample(text).token_ids), abs=1e-5) for text in texts
    ]
    scores = list(read_lines(ScoreRecord, folder.scores))
    assert [record.completion_id for record in scores] == ["1", "2", "3"]
    assert [record.score for record in scores] == [sample.score for sample in scored]


@pytest.mark.parametrize("layout", ["rows", "shared", "auto"])
def test_prompts_that_take_turns_get_their_own_scores(layout: str, tmp_path: Path) -> None:
    prompts = {"p1": "Where?", "p2": "Where is it, and what is it near?", "p3": "Where?"}
    texts = ("By the river.", "No.", "In the city centre.", "Near the park.", "No.")
    samples = [replace(make_sample(text), prompt_id=f"p{place % 3 + 1}") for place, text in enumerate(texts)]
    write_lines(tmp_path / "samples.jsonl", samples)
    records = [PromptRecord(name, (Message("user", words),)) for name, words in prompts.items()]
    write_lines(tmp_path / "prompts.jsonl", records)
    files = {"samples": str(tmp_path / "samples.jsonl"), "prompts": str(tmp_path / "prompts.jsonl")}
    main(settings(tmp_path, layout=layout, **files), RunFolder(tmp_path))
    model = load_reward_model(tmp_path / "reward").eval()
    for sample in read_lines(Sample, tmp_path / "samples.jsonl"):
        prompt = ENCODER.prompts([(Message("user", prompts[sample.prompt_id]),)])
        alone = float(model(rows_from_pairs(prompt, [sample.token_ids], 0)).detach())
        assert sample.score == pytest.approx(alone, abs=1e-5)


def test_sampled_ids_are_scored_as_sampled(tmp_path: Path) -> None:
    """The same words in other tokens, and a completion that ran out of room: neither is tokenised again."""
    spelled = tuple(ENCODER.tokenizer.convert_tokens_to_ids(list("By")))
    sample = replace(make_sample("By"), token_ids=spelled, finish_reason="length")
    assert spelled != make_sample("By").token_ids
    write_lines(tmp_path / "samples.jsonl", [sample])
    write_lines(tmp_path / "prompts.jsonl", [PromptRecord("p1", PROMPT)])
    config = settings(tmp_path, samples=str(tmp_path / "samples.jsonl"), prompts=str(tmp_path / "prompts.jsonl"))
    main(config, RunFolder(tmp_path))
    (scored,) = read_lines(Sample, tmp_path / "samples.jsonl")
    assert scored.score == pytest.approx(score_alone(tmp_path, spelled), abs=1e-5)


def test_each_compared_output_is_scored_once(tmp_path: Path) -> None:
    row = make_comparison()
    other_labeler = replace(row, annotation_id="b", labeler="w2", ranks=(3, 2, 1))
    lost = Comparison(**{**vars(make_comparison(1)), "completions": ("a", None, "b")})
    write_lines(tmp_path / "comparisons.jsonl", [row, other_labeler, lost])
    folder = RunFolder(tmp_path)
    main(settings(tmp_path, comparisons=str(tmp_path / "comparisons.jsonl")), folder)
    names = [record.completion_id for record in read_lines(ScoreRecord, folder.scores)]
    assert names == ["c0-0", "c0-1", "c0-2", "c1-0", "c1-2"]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    write_lines(tmp_path / "samples.jsonl", [make_sample("No.")])
    write_lines(tmp_path / "prompts.jsonl", [PromptRecord("p2", PROMPT)])
    samples, prompts = str(tmp_path / "samples.jsonl"), str(tmp_path / "prompts.jsonl")
    for values, sentence in (
        ({}, "either samples or comparisons"),
        ({"samples": samples}, "needs the prompts"),
        ({"samples": samples, "prompts": prompts}, "does not hold the prompt p1"),
    ):
        with pytest.raises(TrainerError, match=sentence):
            main(settings(tmp_path, **values), RunFolder(tmp_path))


def test_several_judges_tell_their_mean_and_how_far_they_are_apart(tmp_path: Path) -> None:
    """The same weights, biases of 0.5 and 1.5: their scores are 1 apart, so that the deviation is the root of 1/2."""
    config = settings(tmp_path)
    other = load_reward_model(config.reward_model)
    other.bias.fill_(1.5)
    other.save(tmp_path / "other")
    make_tokenizer().save_pretrained(tmp_path / "other")
    row = make_comparison()
    write_lines(tmp_path / "comparisons.jsonl", [row])
    both = replace(
        config,
        reward_model=f"{config.reward_model}, {tmp_path / 'other'}",
        comparisons=str(tmp_path / "comparisons.jsonl"),
    )
    folder = RunFolder(tmp_path)
    main(both, folder)
    records = list(read_lines(ScoreRecord, folder.scores))
    alone = replace(both, reward_model=config.reward_model)
    main(alone, folder)
    for together, single in zip(records, read_lines(ScoreRecord, folder.scores), strict=True):
        assert together.score == pytest.approx(single.score - 0.5, abs=1e-5)
        assert together.spread == pytest.approx(0.5**0.5, abs=1e-5)
        assert single.spread is None


def test_ratings_are_told_beside_the_score(tmp_path: Path) -> None:
    config = settings(tmp_path)
    model = load_reward_model(config.reward_model)
    heads = model.expect_ratings([Attribute("overall", "number", mean=4.0, spread=2.0), Attribute("made_up", "flag")])
    heads.weight.data.zero_()
    heads.bias.data.copy_(torch.tensor([0.5, 0.0]))
    model.save(Path(config.reward_model))
    write_lines(tmp_path / "comparisons.jsonl", [make_comparison()])
    folder = RunFolder(tmp_path)
    main(replace(config, comparisons=str(tmp_path / "comparisons.jsonl")), folder)
    for record in read_lines(ScoreRecord, folder.scores):
        assert record.ratings == {"overall": pytest.approx(5.0), "made_up": pytest.approx(0.5)}
