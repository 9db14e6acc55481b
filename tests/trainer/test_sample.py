import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.tiny import make_policy, make_tokenizer, save_policy
from trainer.config import BadSetting, SampleConfig
from trainer.encoding import make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.models import RewardModel
from trainer.records import Message, PromptRecord, Sample, read_lines, write_lines
from trainer.sample import best_places, main

ENCODER = make_encoder(make_tokenizer(), 50, 50)


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    save_policy(tmp_path / "policy")
    rows = [
        PromptRecord(f"p{number}", (Message("user", "place " * (1 + number % 4)),), "test" if number > 9 else "train")
        for number in range(12)
    ]
    write_lines(tmp_path / "prompts.jsonl", rows)
    names = {"model": str(tmp_path / "policy"), "prompts": str(tmp_path / "prompts.jsonl")}
    return {**names, "k_min": 2, "k_max": 5, "max_new_tokens": 6, "batch": 4, "device": "cpu"}


def run(path: Path, **values: Any) -> list[Sample]:
    path.mkdir(exist_ok=True)
    main(SampleConfig(**values), RunFolder(path))
    return list(read_lines(Sample, RunFolder(path).samples))


def counts(samples: list[Sample]) -> dict[str, int]:
    return {sample.prompt_id: sum(other.prompt_id == sample.prompt_id for other in samples) for sample in samples}


def test_every_prompt_gets_k_completions_and_k_varies(given: dict[str, Any], tmp_path: Path) -> None:
    samples = run(tmp_path / "run", **given)
    assert list(counts(samples)) == [f"p{number}" for number in range(12)]
    assert set(counts(samples).values()) <= {2, 3, 4, 5}
    assert len(set(counts(samples).values())) > 1
    for sample in samples:
        assert sample.completion == ENCODER.text(sample.token_ids)
        assert sample.logprob < 0
        assert (sample.token_ids[-1] == ENCODER.end_id) == (sample.finish_reason == "stop")


def test_the_seed_decides_everything_and_other_prompts_nothing(given: dict[str, Any], tmp_path: Path) -> None:
    samples = run(tmp_path / "run", **given)
    alone = run(tmp_path / "alone", **given, split="test")
    assert [sample.prompt_id for sample in alone] == [s.prompt_id for s in samples if s.prompt_id in ("p10", "p11")]
    assert {sample.token_ids for sample in alone} <= {sample.token_ids for sample in samples}
    assert [s.token_ids for s in run(tmp_path / "other", **given, seed=1)] != [s.token_ids for s in samples]


@pytest.mark.parametrize("cut", [0, 1, 39, 40, 41, 1500])
def test_a_killed_run_goes_on_without_repeating_or_losing_a_row(
    given: dict[str, Any], tmp_path: Path, cut: int
) -> None:
    whole = run(tmp_path / "run", **given)
    path = RunFolder(tmp_path / "run").samples
    path.write_bytes(path.read_bytes()[:cut])
    again = run(tmp_path / "run", **given)
    assert [(sample.prompt_id, sample.token_ids) for sample in again] == [(s.prompt_id, s.token_ids) for s in whole]


def test_a_finished_run_is_left_as_it_is(given: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path / "run", **given)
    before = RunFolder(tmp_path / "run").samples.read_bytes()
    run(tmp_path / "run", **given)
    assert RunFolder(tmp_path / "run").samples.read_bytes() == before


def test_several_policies_answer_the_same_prompts(given: dict[str, Any], tmp_path: Path) -> None:
    save_policy(tmp_path / "other", seed=5)
    models = [given["model"], str(tmp_path / "other")]
    samples = run(tmp_path / "run", **{**given, "model": ", ".join(models)})
    halves = [[sample for sample in samples if sample.checkpoint == model] for model in models]
    assert counts(halves[0]) == counts(halves[1])
    assert {sample.token_ids for sample in halves[0]} != {sample.token_ids for sample in halves[1]}


def test_a_reward_model_adds_scores(given: dict[str, Any], tmp_path: Path) -> None:
    RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    scored = run(tmp_path / "run", **given, reward_model=str(tmp_path / "reward"))
    assert len({sample.score for sample in scored}) > len(scored) // 2
    results = json.loads(RunFolder(tmp_path / "run").results.read_text())
    assert results["completions"] == len(scored)
    assert results["mean_score"] == pytest.approx(sum(s.score or 0 for s in scored) / len(scored), abs=1e-3)


def test_of_several_the_reward_model_picks_the_best(given: dict[str, Any], tmp_path: Path) -> None:
    RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    one, two, eight = (
        run(tmp_path / f"run-{n}", **given, reward_model=str(tmp_path / "reward"), best_of=n) for n in (1, 2, 8)
    )
    assert counts(one) == counts(two) == counts(eight)
    scores = [[sample.score or 0.0 for sample in samples] for samples in (one, two, eight)]
    assert all(single <= pair + 1e-5 and pair <= many + 1e-5 for single, pair, many in zip(*scores, strict=True))
    assert sum(scores[0]) < sum(scores[1]) < sum(scores[2])
    again = run(tmp_path / "again", **given, reward_model=str(tmp_path / "reward"), best_of=8)
    assert [sample.token_ids for sample in again] == [sample.token_ids for sample in eight]


def test_only_a_reward_model_can_pick_the_best(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="`best_of` needs a reward model"):
        run(tmp_path / "run", **given, best_of=2)


def test_the_best_of_each_few_is_picked_and_the_first_of_equals() -> None:
    assert best_places([1.0, 3.0, 2.0, -5.0, -7.0, -5.0], 3) == [1, 3]
    assert best_places([None, None], 1) == [0, 1]


def test_temperature_0_repeats_itself(given: dict[str, Any], tmp_path: Path) -> None:
    samples = run(tmp_path / "run", **given, temperature=0.0)
    assert len({(sample.prompt_id, sample.token_ids) for sample in samples}) == 12


def test_temperatures_share_the_completions_of_each_prompt(given: dict[str, Any], tmp_path: Path) -> None:
    """At its own temperature each completion is the one that a run at this temperature alone draws by its seed."""
    given = {**given, "k_min": 4}
    mixed = run(tmp_path / "mixed", **given, temperatures="1.0, 0.5")
    for prompt in counts(mixed):
        drawn = [sample.temperature for sample in mixed if sample.prompt_id == prompt]
        assert sorted(drawn)[:2] == [0.5, 0.5]
        assert drawn.count(1.0) - drawn.count(0.5) in (0, 1)
    alone = {sample.seed: sample for sample in run(tmp_path / "alone", **given, temperature=0.5)}
    cool = [sample for sample in mixed if sample.temperature == 0.5]
    assert cool
    assert all(alone[sample.seed].completion == sample.completion for sample in cool)


@pytest.mark.parametrize("typed", ["0.5,warm", "-1", "inf", "1,,2"])
def test_temperatures_that_are_none_are_refused(given: dict[str, Any], tmp_path: Path, typed: str) -> None:
    with pytest.raises(BadSetting, match="temperatures"):
        run(tmp_path / "run", **given, temperatures=typed)


def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="k_max"):
        run(tmp_path / "run", **{**given, "k_min": 6})
    with pytest.raises(TrainerError, match="validation"):
        run(tmp_path / "run", **given, split="validation")
    with pytest.raises(TrainerError, match="Shorten the prompts"):
        run(tmp_path / "run", **{**given, "max_new_tokens": 120})


def test_a_prompt_named_twice_is_refused(given: dict[str, Any], tmp_path: Path) -> None:
    write_lines(Path(given["prompts"]), [PromptRecord("p1", (Message("user", "x"),))] * 2)
    with pytest.raises(TrainerError, match="p1 more than once"):
        run(tmp_path / "run", **given)
