"""Scores of one reward model, or of several and how far they agree: for samples, or for compared outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from trainer.config import ScoreConfig
from trainer.encoding import Encoder, load_encoder
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.loop import prepare
from trainer.ratings import told
from trainer.records import Comparison, Message, PromptRecord, Sample, ScoreRecord, read_lines, write_lines
from trainer.scoring import load_scorer


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
    samples = list(read_lines(Sample, Path(config.samples))) if config.samples else []
    candidates = sampled(config, samples) if samples else compared(config)
    judges = [judge(name.strip(), config, candidates, device) for name in config.reward_model.split(",")]
    records = scored(config, candidates, judges)
    if samples:
        write_lines(
            folder.samples,
            (replace(sample, score=record.score) for sample, record in zip(samples, records, strict=True)),
        )
    write_lines(folder.scores, records)
    folder.write_results(summary(records))


@dataclass(frozen=True)
class Judged:
    """What one reward model says of all candidates: [N] scores, and N times its ratings."""

    scores: Tensor
    ratings: list[dict[str, float]]


def judge(name: str, config: ScoreConfig, candidates: Sequence[Candidate], device: torch.device) -> Judged:
    encoder = load_encoder(name, config)
    scorer = load_scorer(name, config.layout, encoder.pad_id, device, config.batch)
    prompts = encoder.prompts([candidate.prompt for candidate in candidates])
    completions = [completion_ids(encoder, candidate) for candidate in candidates]
    judged = scorer.judgements(prompts, completions)
    return Judged(judged[:, 0], told(judged[:, 1:], scorer.model.attributes))


def scored(config: ScoreConfig, candidates: Sequence[Candidate], judges: Sequence[Judged]) -> list[ScoreRecord]:
    """The mean of the judges, and how far they are apart [reward model ensembles, Coste et al. 2024]."""
    scores = torch.stack([one.scores for one in judges])
    spreads = scores.std(0).tolist() if len(judges) > 1 else [None] * len(candidates)
    ratings = [mean_of_each(rows) or None for rows in zip(*(one.ratings for one in judges), strict=True)]
    columns = zip(candidates, scores.mean(0).tolist(), spreads, ratings, strict=True)
    return [ScoreRecord(candidate.completion_id, config.reward_model, *values) for candidate, *values in columns]


def mean_of_each(ratings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By name, over those who tell it."""
    names = dict.fromkeys(name for row in ratings for name in row)
    return {name: fmean(row[name] for row in ratings if name in row) for name in names}


def summary(records: Sequence[ScoreRecord]) -> dict[str, float]:
    spreads = [record.spread for record in records if record.spread is not None]
    return {
        "completions": len(records),
        "mean_score": fmean(record.score for record in records) if records else 0.0,
        **({"mean_spread": fmean(spreads)} if spreads else {}),
    }


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


def completion_ids(encoder: Encoder, candidate: Candidate) -> tuple[int, ...]:
    """The sampled ids where this tokenizer reads them as the same text (they are its own), else the text's ids."""
    ids = candidate.token_ids
    if ids is not None and max(ids, default=0) < len(encoder.tokenizer) and encoder.text(ids) == candidate.completion:
        return ids
    return encoder.completions([candidate.completion])[0].ids
