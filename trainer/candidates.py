"""What a policy says to prompts and what a reward model thinks of it, for methods that learn from the policy itself.

Drawn completions are kept in the run's folder: a resumed run learns from the same, though its policy has moved on.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.config import AlignConfig
from trainer.encoding import require_one_vocabulary
from trainer.folder import RunFolder, write_atomically
from trainer.groups import RankedGroup
from trainer.likelihoods import Speaker
from trainer.prompts import Prompt
from trainer.records import Sample, read_lines, to_line
from trainer.rollouts import (
    SampledCompletion,
    SampleRequest,
    SamplingSettings,
    check_fits,
    sample_completions,
    seed_of,
    written_down,
)
from trainer.scoring import load_scorer


@dataclass(frozen=True)
class Candidates:
    """Completions of one prompt, unranked, with the reward model's scores; higher is better."""

    group: RankedGroup
    scores: tuple[float, ...]

    def kept(self, places: Sequence[int], ranks: Sequence[int]) -> RankedGroup:
        """Some of them, with ranks."""
        completions = tuple(self.group.completion_ids[place] for place in places)
        truncated = tuple(self.group.truncated[place] for place in places)
        return RankedGroup(self.group.prompt_id, self.group.prompt_ids, completions, tuple(ranks), truncated)


def drawn_candidates(
    config: AlignConfig, folder: RunFolder, speaker: Speaker, prompts: Sequence[Prompt], turn: int
) -> list[Candidates]:
    """In the order of `prompts`; drawn, scored and written down unless this folder has them from before."""
    path = folder.path / f"drawn-{turn + 1}.jsonl"
    if not path.exists():
        lines = [to_line(sample) + "\n" for sample in _draw(config, speaker, prompts, turn)]
        write_atomically(path, "".join(lines))
    samples = list(read_lines(Sample, path))
    k = config.candidates
    by_prompt = [samples[start : start + k] for start in range(0, len(samples), k)]
    return [_candidates(prompt, rows) for prompt, rows in zip(prompts, by_prompt, strict=True)]


def _candidates(prompt: Prompt, samples: Sequence[Sample]) -> Candidates:
    group = RankedGroup(
        prompt.prompt_id,
        prompt.ids,
        tuple(sample.token_ids for sample in samples),
        (1,) * len(samples),
        tuple(sample.finish_reason == "length" for sample in samples),
    )
    return Candidates(group, tuple(sample.score or 0.0 for sample in samples))


def _draw(config: AlignConfig, speaker: Speaker, prompts: Sequence[Prompt], turn: int) -> list[Sample]:
    require_one_vocabulary(speaker.encoder, config.reward_model)
    check_fits(speaker.model, [prompt.ids for prompt in prompts], config.max_new_tokens)
    seeds = [
        [seed_of(config.seed, turn, prompt.prompt_id, number) for number in range(config.candidates)]
        for prompt in prompts
    ]
    requests = [SampleRequest(prompt.ids, row) for prompt, row in zip(prompts, seeds, strict=True)]
    settings = SamplingSettings(config.max_new_tokens)
    drawn = sample_completions(speaker.model, requests, settings, [speaker.encoder.end_id], config.sample_batch)
    rows = [
        (prompt, seed, completion)
        for prompt, row, completions in zip(prompts, seeds, drawn, strict=True)
        for seed, completion in zip(row, completions, strict=True)
    ]
    scores = _scores(config, speaker, rows)
    checkpoint = config.model if turn == 0 else f"{config.model}, aligned {turn}"
    return [
        written_down(completion, speaker.encoder, prompt.prompt_id, checkpoint, seed, settings.temperature, score)
        for (prompt, seed, completion), score in zip(rows, scores, strict=True)
    ]


def _scores(
    config: AlignConfig, speaker: Speaker, rows: Sequence[tuple[Prompt, int, SampledCompletion]]
) -> list[float]:
    device, pad_id = speaker.model.device, speaker.encoder.pad_id
    scorer = load_scorer(config.reward_model, "auto", pad_id, device, config.sample_batch)
    scores: list[float] = scorer.scores(
        [prompt.ids for prompt, _, _ in rows], [completion.token_ids for _, _, completion in rows]
    ).tolist()
    return scores


def best_completion(candidates: Candidates) -> RankedGroup:
    """The one that scores highest, the first of equals [best of n, Stiennon et al. 2020, Nakano et al. 2021]."""
    return candidates.kept([candidates.scores.index(max(candidates.scores))], (1,))


def accepted_ranking(candidates: Candidates, config: AlignConfig) -> RankedGroup:
    """Candidates accepted by statistical rejection sampling, ranked by score; equal scores are tied."""
    draw = random.Random(seed_of(config.seed, "accept", candidates.group.prompt_id))
    places = accept(candidates.scores, config.accepted, config.acceptance, draw)
    return candidates.kept(places, ranks_by_score([candidates.scores[place] for place in places]))


def accept(scores: Sequence[float], count: int, temperature: float, draw: random.Random) -> list[int]:
    """Places of `count` candidates that are distributed as the policy times exp(score / temperature).

    Each is accepted with exp((score - best) / temperature), `best` being the highest that still waits, until there are
    enough [RSO, Liu et al. 2023, algorithm 1]. A high temperature accepts all alike, a low one the best.
    """
    waiting, accepted = list(range(len(scores))), list[int]()
    while waiting and len(accepted) < count:
        best = max(scores[place] for place in waiting)
        passed = [place for place in waiting if draw.random() < math.exp((scores[place] - best) / temperature)]
        accepted += passed
        waiting = [place for place in waiting if place not in passed]
    return accepted[:count]


def ranks_by_score(scores: Sequence[float]) -> list[int]:
    """Dense, 1 for the highest."""
    tiers = sorted(set(scores), reverse=True)
    return [tiers.index(score) + 1 for score in scores]
