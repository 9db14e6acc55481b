"""What do K completions of one prompt cost: sampled by us and by `generate`, scored together and one row each?

    OMP_NUM_THREADS=1 python -m tests.benchmarks.sampling

Same model, prompts and number of tokens; no completion ends early, so that neither side gains by stopping. Before
anything is measured both samplers must take the same likeliest tokens, and both layouts must give the same scores. The
last line is one JSON object: tokens a second of process time, ours over `generate(num_return_sequences=K)`, and the
process time of scoring one row each over that of scoring a prompt's completions together.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel

from tests.benchmarks.reward_cases import VOCABULARY
from tests.benchmarks.small_models import model_config
from trainer.groups import RankedGroup
from trainer.layout_choice import LayOut
from trainer.models import RewardModel
from trainer.rollouts import SampleRequest, SamplingSettings, sample_completions

NO_TOKEN = VOCABULARY  # an end token that cannot be drawn
SCORES_APART = 1e-4


class NotTheSame(AssertionError):
    """The two sides do not compute the same thing, so their times cannot be compared."""


@dataclass(frozen=True)
class Case:
    k: int
    prompt: int
    completion: int
    prompts: int

    def prompt_ids(self, seed: int = 0) -> list[tuple[int, ...]]:
        draw = random.Random(seed)
        return [tuple(draw.randrange(3, VOCABULARY) for _ in range(self.prompt)) for _ in range(self.prompts)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hidden", type=int, default=256, help="width of the Llama model")
    arguments.add_argument("--layers", type=int, default=4, help="its depth")
    arguments.add_argument("--k", type=int, default=9, help="completions of a prompt")
    arguments.add_argument("--prompt", type=int, default=256, help="tokens of a prompt")
    arguments.add_argument("--completion", type=int, default=64, help="tokens of a completion")
    arguments.add_argument("--prompts", type=int, default=4, help="prompts at once")
    arguments.add_argument("--repeats", type=int, default=5, help="turns of each side; the best counts")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    config = model_config(given.hidden, given.layers)
    case = Case(given.k, given.prompt, given.completion, given.prompts)
    ratios = {
        "sampling_ratio": sampling_ratio(config, case, given.repeats),
        "scoring_ratio": scoring_ratio(config, case, given.repeats),
    }
    print(json.dumps({name: round(ratio, 2) for name, ratio in ratios.items()}))


def sampling_ratio(config: LlamaConfig, case: Case, repeats: int) -> float:
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).eval()
    require_same_tokens(generated(model, case, likeliest=True), sampled(model, case, likeliest=True))
    seconds = alternate(
        {"generate": lambda: generated(model, case), "ours": lambda: sampled(model, case)},
        repeats,
    )
    tokens = case.prompts * case.k * case.completion
    for name, spent in seconds.items():
        print(f"sampling {name}: {tokens} tokens in {spent:.3f} s, {tokens / spent:.0f} tokens/s", flush=True)
    return seconds["generate"] / seconds["ours"]


@torch.inference_mode()
def generated(model: LlamaForCausalLM, case: Case, likeliest: bool = False) -> list[list[int]]:
    """By `generate`: all completions of each prompt, in order."""
    ids = torch.tensor(case.prompt_ids())
    draw = {"do_sample": False} if likeliest else {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    if likeliest:
        ids = ids.repeat_interleave(case.k, 0)
    everything = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=case.completion,
        num_return_sequences=1 if likeliest else case.k,
        **draw,
    )
    return everything[:, case.prompt :].tolist()


def sampled(model: LlamaForCausalLM, case: Case, likeliest: bool = False) -> list[list[int]]:
    requests = [SampleRequest(ids, range(case.k)) for ids in case.prompt_ids()]
    settings = SamplingSettings(case.completion, temperature=0.0 if likeliest else 1.0)
    by_prompt = sample_completions(model, requests, settings, [NO_TOKEN], case.prompts * case.k)
    return [completion.token_ids for completions in by_prompt for completion in completions]


def require_same_tokens(theirs: list[list[int]], ours: list[list[int]]) -> None:
    """Raises `NotTheSame`."""
    for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
        if one != other:
            raise NotTheSame(f"Completion {number} differs: {one[:5]}… and {other[:5]}…")


def scoring_ratio(config: LlamaConfig, case: Case, repeats: int) -> float:
    torch.manual_seed(0)
    model = RewardModel(LlamaModel(config)).eval()
    groups = scored_groups(case)
    require_same_scores(scores(model, groups, "rows"), scores(model, groups, "auto"))
    seconds = alternate(
        {"rows": lambda: scores(model, groups, "rows"), "ours": lambda: scores(model, groups, "auto")}, repeats
    )
    for name, spent in seconds.items():
        print(f"scoring {name}: {case.prompts * case.k} completions in {spent:.3f} s", flush=True)
    return seconds["rows"] / seconds["ours"]


def scored_groups(case: Case) -> list[RankedGroup]:
    draw = random.Random(1)

    def completion() -> tuple[int, ...]:
        return tuple(draw.randrange(3, VOCABULARY) for _ in range(case.completion))

    return [
        RankedGroup("", ids, tuple(completion() for _ in range(case.k)), (1,) * case.k, (False,) * case.k)
        for ids in case.prompt_ids()
    ]


@torch.inference_mode()
def scores(model: RewardModel, groups: list[RankedGroup], layout: str) -> Tensor:
    """[N]."""
    lay_out = LayOut(model.backbone, layout, 0, torch.device("cpu"))
    result: Tensor = model(lay_out(groups))
    return result


def require_same_scores(theirs: Tensor, ours: Tensor) -> None:
    """Raises `NotTheSame`."""
    apart = float((theirs - ours).abs().max())
    if not apart < SCORES_APART:
        raise NotTheSame(f"Scores are {apart:.1e} apart.")


def alternate(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The least process time of each side, in seconds, the sides taking turns."""
    least = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, act in sides.items():
            started = time.process_time()
            act()
            least[name] = min(least[name], time.process_time() - started)
    return least


if __name__ == "__main__":
    main()
