"""Scores of a reward model: for sampled completions, or for the outputs of comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from trainer.config import ScoreConfig
from trainer.encoding import Encoder, load_tokenizer, make_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import RankedGroup
from trainer.layout_choice import LayOut
from trainer.loop import prepare
from trainer.models import RewardModel, load_reward_model
from trainer.records import Comparison, Message, PromptRecord, Sample, ScoreRecord, read_lines, write_lines


@dataclass(frozen=True)
class Candidate:
    """A prompt and a completion to score. `token_ids` are those that were sampled, where they are known."""

    completion_id: str
    prompt: tuple[Message, ...]
    completion: str
    token_ids: tuple[int, ...] | None = None


def main(config: ScoreConfig, folder: RunFolder) -> None:
    """Writes `scores.jsonl`; samples are also written again with their scores, as `samples.jsonl`."""
    if bool(config.samples) == bool(config.comparisons):
        raise TrainerError("Give either samples or comparisons to score.")
    device = prepare(config)
    tokenizer = load_tokenizer(config.reward_model)
    encoder = make_encoder(tokenizer, config.max_prompt_tokens, config.max_completion_tokens)
    model = load_reward_model(config.reward_model).to(device).eval()
    samples = list(read_lines(Sample, Path(config.samples))) if config.samples else []
    candidates = sampled(config, samples) if samples else compared(config)
    lay_out = LayOut(model.backbone, config.layout, encoder.pad_id, device)
    scores = score(model, lay_out, encoder, candidates, config.batch).tolist()
    if samples:
        scored = [replace(sample, score=value) for sample, value in zip(samples, scores, strict=True)]
        write_lines(folder.samples, scored)
    records = [
        ScoreRecord(candidate.completion_id, config.reward_model, value)
        for candidate, value in zip(candidates, scores, strict=True)
    ]
    write_lines(folder.scores, records)
    folder.write_results({"completions": len(scores), "mean_score": sum(scores) / max(1, len(scores))})


def sampled(config: ScoreConfig, samples: Sequence[Sample]) -> list[Candidate]:
    """Samples have no id: their line number, from 1, stands for it."""
    if not config.prompts:
        raise TrainerError("Scoring samples needs the prompts that they belong to.")
    prompts = {record.prompt_id: record.prompt for record in read_lines(PromptRecord, Path(config.prompts))}
    unknown = [sample.prompt_id for sample in samples if sample.prompt_id not in prompts]
    if unknown:
        raise TrainerError(f"{config.prompts} does not hold the prompt {unknown[0]} of the samples.")
    return [
        Candidate(str(number), prompts[sample.prompt_id], sample.completion, sample.token_ids)
        for number, sample in enumerate(samples, start=1)
    ]


def compared(config: ScoreConfig) -> list[Candidate]:
    """Each output that has a text, once."""
    found: dict[str, Candidate] = {}
    for row in read_lines(Comparison, Path(config.comparisons)):
        for completion_id, text in zip(row.completion_ids, row.completions, strict=True):
            if text is not None:
                found[completion_id] = Candidate(completion_id, row.prompt, text)
    return list(found.values())


@torch.no_grad()
def score(model: RewardModel, lay_out: LayOut, encoder: Encoder, candidates: Sequence[Candidate], batch: int) -> Tensor:
    """[N] in the order of `candidates`. Those of one prompt go together, so that it is read once."""
    prompts = encoder.prompts([candidate.prompt for candidate in candidates])
    completions = [completion_ids(encoder, candidate) for candidate in candidates]
    order = sorted(
        range(len(candidates)), key=lambda index: (len(prompts[index]), prompts[index], len(completions[index]))
    )
    scores = torch.zeros(len(candidates))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        by_prompt = groupby(chosen, key=lambda index: prompts[index])
        groups = [unranked(prompt, [completions[index] for index in members]) for prompt, members in by_prompt]
        scores[chosen] = model(lay_out(groups)).cpu()
    return scores


def unranked(prompt_ids: tuple[int, ...], completion_ids: Sequence[tuple[int, ...]]) -> RankedGroup:
    count = len(completion_ids)
    return RankedGroup("", prompt_ids, tuple(completion_ids), (1,) * count, (False,) * count)


def completion_ids(encoder: Encoder, candidate: Candidate) -> tuple[int, ...]:
    """The sampled ids where this tokenizer reads them as the same text (they are its own), else the text's ids."""
    ids = candidate.token_ids
    if ids is not None and max(ids, default=0) < len(encoder.tokenizer) and encoder.text(ids) == candidate.completion:
        return ids
    return encoder.completions([candidate.completion])[0].ids
