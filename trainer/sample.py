"""Stage `sample`: completions for each prompt, written as they are made; a killed run goes on where it was."""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from trainer.config import BadSetting, SampleConfig
from trainer.encoding import Encoder, load_encoder, require_one_vocabulary
from trainer.errors import TrainerError
from trainer.folder import RunFolder, write_atomically
from trainer.loop import prepare, progress_bar
from trainer.models import load_policy
from trainer.records import PromptRecord, Sample, read_lines, to_line
from trainer.rollouts import (
    SampledCompletion,
    Sampler,
    SampleRequest,
    SamplingSettings,
    check_fits,
    sample_completions,
    seed_of,
    written_down,
)
from trainer.scoring import Scorer, load_scorer
from trainer.vllm_sampler import require_vllm, vllm_sampler

BATCHES_PER_WRITE = 4


@dataclass(frozen=True)
class Order:
    """Completions wanted of one policy for one prompt: one per seed."""

    checkpoint: str
    prompt_id: str
    prompt_ids: tuple[int, ...]
    seeds: tuple[int, ...]


def main(config: SampleConfig, folder: RunFolder) -> None:
    if config.k_max < config.k_min:
        raise BadSetting("k_max", f"must be at least k_min, which is {config.k_min}")
    if config.best_of > 1 and not config.reward_model:
        raise BadSetting("best_of", "needs a reward model to choose by")
    temperatures_of(config)
    if config.sampler == "vllm":
        require_vllm()
    device = prepare(config)
    checkpoints = [name.strip() for name in config.model.split(",")]
    prompts = read_prompts(config)
    total = sum(len(seeds_of(config, checkpoint, row.prompt_id)) for checkpoint in checkpoints for row in prompts)
    done = keep_whole_prompts(folder.samples, config)
    written = sum(done.values())
    with progress_bar() as bar:
        task = bar.add_task(folder.path.name, total=total, completed=written)
        for checkpoint in checkpoints:
            encoder = load_encoder(checkpoint, config)
            require_one_vocabulary(encoder, config.reward_model)
            scorer = make_scorer(config, encoder, device)
            open_prompts = [row for row in prompts if (checkpoint, row.prompt_id) not in done]
            orders = place_orders(config, encoder, checkpoint, open_prompts)
            with make_sampler(checkpoint, orders, encoder, config, device) as sampler:
                for part in parts_of(orders, config.batch * BATCHES_PER_WRITE):
                    started = time.monotonic()
                    samples = fill(part, sampler, encoder, scorer, config)
                    append(folder.samples, samples)
                    written += len(samples)
                    tokens = sum(len(sample.token_ids) for sample in samples)
                    speed = round(tokens / (time.monotonic() - started), 1)
                    folder.append_metrics({"step": written, "tokens": tokens, "tokens_per_second": speed})
                    folder.write_status("running", written, total)
                    bar.update(task, completed=written)
    folder.write_results(summary(folder.samples))


def read_prompts(config: SampleConfig) -> list[PromptRecord]:
    rows = read_lines(PromptRecord, Path(config.prompts))
    prompts = [row for row in rows if config.split in ("all", row.split)]
    if not prompts:
        raise TrainerError(f"{config.prompts} holds no prompt of the split {config.split}.")
    twice = [name for name, count in Counter(row.prompt_id for row in prompts).items() if count > 1]
    if twice:
        raise TrainerError(f"{config.prompts} holds the prompt {twice[0]} more than once.")
    return prompts


def make_scorer(config: SampleConfig, encoder: Encoder, device: torch.device) -> Scorer | None:
    if not config.reward_model:
        return None
    return load_scorer(config.reward_model, "auto", encoder.pad_id, device, config.batch)


def make_sampler(
    checkpoint: str, orders: Sequence[Order], encoder: Encoder, config: SampleConfig, device: torch.device
) -> AbstractContextManager[Sampler]:
    """Raises `PromptTooLong`. Nothing is loaded where nothing is left to do."""
    prompts = [order.prompt_ids for order in orders]
    if not orders:
        return nullcontext(lambda _requests, _settings: [])
    if config.sampler == "vllm":
        return vllm_sampler(checkpoint, prompts, encoder.end_id, config)
    policy = load_policy(checkpoint).to(device).eval()
    check_fits(policy, prompts, config.max_new_tokens)
    return nullcontext(partial(sample_completions, policy, end_ids=[encoder.end_id], batch_size=config.batch))


def seeds_of(config: SampleConfig, checkpoint: str, prompt_id: str) -> tuple[int, ...]:
    """K of them, K drawn evenly from `k_min` to `k_max`; both depend on the run's seed and the prompt alone."""
    count = random.Random(seed_of(config.seed, prompt_id)).randint(config.k_min, config.k_max)
    return tuple(seed_of(config.seed, checkpoint, prompt_id, index) for index in range(count))


def place_orders(
    config: SampleConfig, encoder: Encoder, checkpoint: str, prompts: Sequence[PromptRecord]
) -> list[Order]:
    ids = encoder.prompts([row.prompt for row in prompts])
    return [
        Order(checkpoint, row.prompt_id, prompt_ids, seeds_of(config, checkpoint, row.prompt_id))
        for row, prompt_ids in zip(prompts, ids, strict=True)
    ]


def parts_of(orders: Sequence[Order], completions: int) -> list[list[Order]]:
    """In order, about as many completions each."""
    parts: list[list[Order]] = []
    room = 0
    for order in orders:
        if room <= 0:
            parts.append([])
            room = completions
        parts[-1].append(order)
        room -= len(order.seeds)
    return parts


def temperatures_of(config: SampleConfig) -> tuple[float, ...]:
    """At least one. Raises `BadSetting`."""
    try:
        found = tuple(float(each) for each in config.temperatures.split(",")) if config.temperatures else ()
    except ValueError as error:
        raise BadSetting("temperatures", "must be numbers with commas between") from error
    if any(not 0 <= each < math.inf for each in found):
        raise BadSetting("temperatures", "must be at least 0 each")
    return found or (config.temperature,)


def fill(
    orders: Sequence[Order], sampler: Sampler, encoder: Encoder, scorer: Scorer | None, config: SampleConfig
) -> list[Sample]:
    """The samples of a prompt one after the other; of its seeds every temperature takes its share in turn."""
    temperatures = temperatures_of(config)
    samples: dict[str, list[Sample]] = {order.prompt_id: [] for order in orders}
    for place, temperature in enumerate(temperatures):
        shares = [replace(order, seeds=order.seeds[place :: len(temperatures)]) for order in orders]
        taken = [order for order in shares if order.seeds]
        for sample in fill_at(temperature, taken, sampler, encoder, scorer, config):
            samples[sample.prompt_id].append(sample)
    return [sample for of_one in samples.values() for sample in of_one]


def fill_at(
    temperature: float,
    orders: Sequence[Order],
    sampler: Sampler,
    encoder: Encoder,
    scorer: Scorer | None,
    config: SampleConfig,
) -> list[Sample]:
    settings = SamplingSettings(config.max_new_tokens, temperature, config.top_p, config.top_k)
    seeds = [
        [drawn for seed in order.seeds for drawn in seeds_to_choose_from(seed, config.best_of)] for order in orders
    ]
    requests = [SampleRequest(order.prompt_ids, row) for order, row in zip(orders, seeds, strict=True)]
    drawn = sampler(requests, settings)
    rows = [
        (order, seed, completion)
        for order, row, completions in zip(orders, seeds, drawn, strict=True)
        for seed, completion in zip(row, completions, strict=True)
    ]
    scores = score([(order.prompt_ids, completion) for order, _, completion in rows], scorer)
    return [
        written_down(completion, encoder, order.prompt_id, order.checkpoint, seed, temperature, scores[place])
        for place in best_places(scores, config.best_of)
        for order, seed, completion in [rows[place]]
    ]


def seeds_to_choose_from(seed: int, best_of: int) -> list[int]:
    """The first is the seed of a completion that is not chosen, so that more to choose from never makes it worse."""
    return [seed, *(seed_of(seed, number) for number in range(1, best_of))]


def best_places(scores: Sequence[float | None], best_of: int) -> list[int]:
    """The highest of each `best_of` in a row, the first of equals [best of n: Stiennon et al. 2020]."""
    firsts = range(0, len(scores), best_of)
    return [max(range(first, first + best_of), key=lambda place: scores[place] or 0.0) for first in firsts]


def score(rows: Sequence[tuple[tuple[int, ...], SampledCompletion]], scorer: Scorer | None) -> Sequence[float | None]:
    if scorer is None:
        return [None] * len(rows)
    scores = scorer.scores([ids for ids, _ in rows], [drawn.token_ids for _, drawn in rows])
    return [round(value, 6) for value in scores.tolist()]


def append(path: Path, samples: Sequence[Sample]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(to_line(sample) + "\n" for sample in samples)


def keep_whole_prompts(path: Path, config: SampleConfig) -> Counter[tuple[str, str]]:
    """Completions by checkpoint and prompt in a file left by an earlier run; what is not whole is dropped from it."""
    if not path.exists():
        return Counter()
    lines = [line.decode() + "\n" for line in path.read_bytes().split(b"\n")[:-1]]  # a kill may cut a letter in two
    owners = [(row["checkpoint"], row["prompt_id"]) for row in map(json.loads, lines)]
    counts = Counter(owners)
    whole = {owner for owner, count in counts.items() if count == len(seeds_of(config, *owner))}
    write_atomically(path, "".join(line for line, owner in zip(lines, owners, strict=True) if owner in whole))
    return Counter({owner: counts[owner] for owner in whole})


def summary(path: Path) -> dict[str, Any]:
    samples = list(read_lines(Sample, path))
    scores = [sample.score for sample in samples if sample.score is not None]
    return {
        "completions": len(samples),
        "prompts": len({sample.prompt_id for sample in samples}),
        "mean_tokens": round(sum(len(sample.token_ids) for sample in samples) / len(samples), 2),
        "eos_share": round(sum(sample.finish_reason == "stop" for sample in samples) / len(samples), 4),
        **({"mean_score": round(sum(scores) / len(scores), 4)} if scores else {}),
    }
