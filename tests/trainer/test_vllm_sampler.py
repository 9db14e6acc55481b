"""Sampling through vLLM's interface, by a double of the part that is used: `LLM`, `SamplingParams` and their outputs.

The double draws as our own sampler does, so that both files can be compared line by line.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from tests.trainer.tiny import make_policy, make_tokenizer, save_policy
from trainer.__main__ import main as command
from trainer.config import SampleConfig
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.models import RewardModel, load_policy
from trainer.records import Message, PromptRecord, Sample, read_lines, write_lines
from trainer.rollouts import SampleRequest, SamplingSettings, sample_completions
from trainer.sample import main


@dataclass
class SamplingParams:
    """Of those that vLLM 0.30 knows, with its defaults."""

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    logprobs: int | None = None
    detokenize: bool = True


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: Sequence[int]
    cumulative_logprob: float | None
    logprobs: list[dict[int, Logprob]] | None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    finished: bool = True


class LLM:
    made: ClassVar[list["LLM"]] = []

    def __init__(self, model: str, **options: Any) -> None:
        known = {"max_model_len", "max_num_seqs", "seed", "gpu_memory_utilization", "enable_prefix_caching"}
        assert options.keys() == known | {"logprobs_mode"}
        assert options["logprobs_mode"] == "processed_logprobs"
        self.model, self.options, self.policy = model, options, load_policy(model).eval()
        self.asked: list[SamplingParams] = []
        LLM.made.append(self)

    def generate(
        self, prompts: Sequence[dict[str, list[int]]], sampling_params: Sequence[SamplingParams], *, use_tqdm: bool
    ) -> list[RequestOutput]:
        assert not use_tqdm
        self.asked += sampling_params
        both = zip(prompts, sampling_params, strict=True)
        return [self._answer(prompt["prompt_token_ids"], given) for prompt, given in both]

    def _answer(self, ids: list[int], given: SamplingParams) -> RequestOutput:
        assert (given.ignore_eos, given.logprobs, given.detokenize) == (True, 0, False)
        assert given.seed is not None
        assert given.stop_token_ids
        assert len(ids) + (given.max_tokens or 0) <= self.options["max_model_len"]
        settings = SamplingSettings(given.max_tokens or 0, given.temperature, given.top_p, max(0, given.top_k))
        request = SampleRequest(ids, [given.seed])
        drawn = sample_completions(self.policy, [request], settings, given.stop_token_ids, 1)[0][0]
        likelihoods = [value or -0.5 for value in drawn.logprobs]  # vLLM tells a greedy token's own
        told = [{token: Logprob(value)} for token, value in zip(drawn.token_ids, likelihoods, strict=True)]
        output = CompletionOutput(0, "", drawn.token_ids, sum(likelihoods), told, drawn.finish_reason)
        return RequestOutput(ids, [output])


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> type[LLM]:
    module = ModuleType("vllm")
    module.LLM, module.SamplingParams = LLM, SamplingParams  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setattr(LLM, "made", [])
    return LLM


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    save_policy(tmp_path / "policy")
    rows = [PromptRecord(f"p{number}", (Message("user", "place " * (1 + number % 4)),)) for number in range(5)]
    write_lines(tmp_path / "prompts.jsonl", rows)
    names = {"model": str(tmp_path / "policy"), "prompts": str(tmp_path / "prompts.jsonl")}
    return {**names, "k_min": 2, "k_max": 4, "max_new_tokens": 6, "batch": 3, "device": "cpu"}


def sampled(path: Path, **values: Any) -> list[Sample]:
    path.mkdir(exist_ok=True)
    main(SampleConfig(**values), RunFolder(path))
    return list(read_lines(Sample, RunFolder(path).samples))


def assert_same(found: list[Sample], expected: list[Sample]) -> None:
    """Every field, but numbers as far as a batch's rounding lets them."""
    assert [replace(one, logprob=0.0, score=None) for one in found] == [
        replace(one, logprob=0.0, score=None) for one in expected
    ]
    for name in ("logprob", "score"):
        assert [getattr(one, name) for one in found] == pytest.approx(
            [getattr(one, name) for one in expected], abs=1e-4
        )


@pytest.mark.parametrize("values", [{}, {"temperature": 0.7, "top_k": 9, "top_p": 0.8}, {"temperature": 0.0}])
def test_the_file_is_the_same_whoever_samples(
    vllm: type[LLM], given: dict[str, Any], tmp_path: Path, values: dict[str, Any]
) -> None:
    expected = sampled(tmp_path / "built-in", **given, **values)
    assert_same(sampled(tmp_path / "vllm", **given, **values, sampler="vllm"), expected)
    (engine,) = vllm.made
    assert engine.model == given["model"]
    assert len(engine.asked) == len(expected) == len({asked.seed for asked in engine.asked})


def test_several_policies_are_loaded_one_after_the_other_and_scored(
    vllm: type[LLM], given: dict[str, Any], tmp_path: Path
) -> None:
    RewardModel(make_policy(seed=1).base_model).save(tmp_path / "reward")
    make_tokenizer().save_pretrained(tmp_path / "reward")
    both = f"{given['model']},{save_policy(tmp_path / 'other', seed=5)}"
    values = {**given, "model": both, "reward_model": str(tmp_path / "reward"), "best_of": 2, "vllm_memory": 0.6}
    assert_same(sampled(tmp_path / "vllm", **values, sampler="vllm"), sampled(tmp_path / "built-in", **values))
    assert [engine.model for engine in vllm.made] == both.split(",")
    assert {engine.options["gpu_memory_utilization"] for engine in vllm.made} == {0.6}


def test_a_killed_run_goes_on_and_a_finished_one_loads_nothing(
    vllm: type[LLM], given: dict[str, Any], tmp_path: Path
) -> None:
    whole = sampled(tmp_path / "run", **given, sampler="vllm")
    samples = RunFolder(tmp_path / "run").samples
    samples.write_bytes(samples.read_bytes()[:900])
    assert sampled(tmp_path / "run", **given, sampler="vllm") == whole
    assert sampled(tmp_path / "run", **given, sampler="vllm") == whole
    assert len(vllm.made) == 2


def test_prompts_without_room_are_refused_before_anything_is_loaded(
    vllm: type[LLM], given: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(TrainerError, match="Shorten the prompts"):
        sampled(tmp_path / "run", **{**given, "max_new_tokens": 120}, sampler="vllm")
    assert not vllm.made


def test_without_the_package_it_is_said_what_to_install(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    flags = ["--model", given["model"], "--prompts", given["prompts"], "--sampler", "vllm"]
    assert command(["sample", str(tmp_path / "run"), *flags]) == 1
    assert "pip install 'rondo[vllm]'" in capsys.readouterr().err
    assert not RunFolder(tmp_path / "run").samples.exists()
