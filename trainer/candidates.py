"""What a policy says to prompts and what a reward model thinks of it, for methods that learn from the policy itself.

Drawn completions are kept in the run's folder: a resumed run learns from the same, though its policy has moved on.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.config import AlignConfig
from trainer.encoding import Encoder, load_tokenizer
from trainer.errors import TrainerError
from trainer.experience import Prompt
from trainer.folder import RunFolder, write_atomically
from trainer.groups import RankedGroup
from trainer.layout_choice import LayOut
from trainer.likelihoods import Speaker, parts_of_like_length
from trainer.models import load_reward_model
from trainer.records import PromptRecord, Sample, read_lines, to_line
from trainer.rollouts import SampleRequest, SamplingSettings, check_fits, sample_completions, seed_of


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


def read_prompts(config: AlignConfig, encoder: Encoder) -> list[Prompt]:
    records = [row for row in read_lines(PromptRecord, Path(config.prompts)) if row.split == "train"]
    if not records:
        raise TrainerError(f"{config.prompts} holds no prompt of the split train.")
    ids = encoder.prompts([record.prompt for record in records])
    return [Prompt(record.prompt_id, row) for record, row in zip(records, ids, strict=True)]


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
    check_fits(speaker.model, [prompt.ids for prompt in prompts], config.max_new_tokens)
    seeds = [
        [seed_of(config.seed, turn, prompt.prompt_id, number) for number in range(config.candidates)]
        for prompt in prompts
    ]
    requests = [SampleRequest(prompt.ids, row) for prompt, row in zip(prompts, seeds, strict=True)]
    settings = SamplingSettings(config.max_new_tokens)
    drawn = sample_completions(speaker.model, requests, settings, [speaker.encoder.end_id], config.sample_batch)
    said = [tuple(tuple(completion.token_ids) for completion in row) for row in drawn]
    unranked, uncut = (1,) * config.candidates, (False,) * config.candidates
    groups = [RankedGroup("", prompt.ids, row, unranked, uncut) for prompt, row in zip(prompts, said, strict=True)]
    scores = _scores(config, speaker, groups)
    return [
        Sample(
            prompt_id=prompts[index].prompt_id,
            completion=speaker.encoder.text(completion.token_ids),
            token_ids=tuple(completion.token_ids),
            finish_reason=completion.finish_reason,
            logprob=round(sum(completion.logprobs), 6),
            checkpoint=config.model if turn == 0 else f"{config.model}, aligned {turn}",
            seed=seed,
            temperature=1.0,
            score=score,
        )
        for index, row in enumerate(drawn)
        for completion, seed, score in zip(row, seeds[index], scores[index], strict=True)
    ]


@torch.no_grad()
def _scores(config: AlignConfig, speaker: Speaker, groups: Sequence[RankedGroup]) -> list[list[float]]:
    """Of each group's completions. Ids go from policy to reward model as they were drawn."""
    if load_tokenizer(config.reward_model).get_vocab() != speaker.encoder.tokenizer.get_vocab():
        raise TrainerError(
            "Policy and reward model have different vocabularies. Train the reward model from this policy's family."
        )
    device = speaker.model.device
    reward = load_reward_model(config.reward_model).to(device).eval()
    lay_out = LayOut(reward.backbone, "auto", speaker.encoder.pad_id, device)
    scores: dict[int, list[float]] = {}
    for part in parts_of_like_length(groups, config.sample_batch):
        told = reward(lay_out([groups[index] for index in part])).split([groups[index].k for index in part])
        scores |= {index: row.tolist() for index, row in zip(part, told, strict=True)}
    return [scores[index] for index in range(len(groups))]


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
