"""What all methods of `tests.benchmarks.align` start from: one SFT policy, the same rankings, one reward model.

Rankings are made offline: the SFT policy completes the prompts, and the simulated labelers' taste, mistakes included,
ranks what it said. Whatever has been made in the folder before is taken as it is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.setting_up import prompt_of
from app.simulation.corpus import Corpus
from app.simulation.facts import Facts, parse_facts
from app.simulation.taste import Taste
from trainer.presets import PRESETS
from trainer.records import Comparison, Demonstration, PromptRecord, Sample, TextRecord, read_lines, write_lines

PRESET = PRESETS["tiny-cpu"]
SECONDS = "seconds.txt"


@dataclass(frozen=True)
class Scale:
    """How much is done: of everything for the table, of little to try the benchmark itself."""

    places: int | None
    rankings: int
    outputs: int
    sft_epochs: int
    reward_epochs: int
    ppo_steps: int


FULL = Scale(places=None, rankings=2, outputs=4, sft_epochs=8, reward_epochs=2, ppo_steps=60)
QUICK = Scale(places=60, rankings=1, outputs=1, sft_epochs=2, reward_epochs=1, ppo_steps=3)


@dataclass(frozen=True)
class Start:
    """Paths of what is there before any method begins."""

    folder: Path
    sft: Path
    reward: Path
    comparisons: Path
    prompts: Path
    texts: Path


def make_start(folder: Path, corpus: Corpus, taste: Taste, scale: Scale, seed: int) -> Start:
    write_data(folder, corpus, scale)
    prompts, comparisons = folder / "prompts.jsonl", folder / "comparisons.jsonl"
    texts, demonstrations = folder / "texts.jsonl", folder / "demonstrations.jsonl"
    train("pretrain", folder / "base", seed, texts=texts)
    given = {"model": folder / "base/model", "demonstrations": demonstrations, "epochs": scale.sft_epochs}
    train("sft", folder / "sft", seed, **given)
    sft = folder / "sft/model"
    if not comparisons.exists():
        turns = [sampled(folder / f"said-{turn}", sft, prompts, seed + turn) for turn in range(scale.rankings)]
        rankings = [row for turn, said in enumerate(turns) for row in ranked(said, prompts, taste, turn)]
        write_lines(comparisons, rankings)
    given = {"model": sft, "comparisons": comparisons, "demonstrations": demonstrations, "epochs": scale.reward_epochs}
    train("reward", folder / "reward", seed, **given)
    return Start(folder, sft, folder / "reward/model", comparisons, prompts, texts)


def write_data(folder: Path, corpus: Corpus, scale: Scale) -> None:
    """Prompts of all splits, and for those of train what people wrote."""
    split_of = {"train": corpus.train, "validation": corpus.validation, "test": corpus.held_out}
    prompts = [
        PromptRecord(f"{split} {number}", prompt_of(facts), split)  # type: ignore[arg-type]  # a key of the above
        for split, places in split_of.items()
        for number, facts in enumerate(places[: scale.places], start=1)
    ]
    names = {row.prompt: row.prompt_id for row in prompts if row.split == "train"}
    written = [(prompt_of(one.facts), one.text) for one in corpus.demonstrations]
    known = [Demonstration("", names[prompt], prompt, text) for prompt, text in written if prompt in names]
    write_lines(folder / "prompts.jsonl", prompts)
    write_lines(folder / "demonstrations.jsonl", known)
    write_lines(folder / "texts.jsonl", (TextRecord(f"{row.prompt[-1].content}\n{row.completion}") for row in known))


def sampled(folder: Path, model: Path, prompts: Path, seed: int, **settings: Any) -> list[Sample]:
    train("sample", folder, seed, model=model, prompts=prompts, **{"k_min": 4, "k_max": 9, **settings})
    return list(read_lines(Sample, folder / "samples.jsonl"))


def ranked(samples: Sequence[Sample], prompts: Path, taste: Taste, turn: int) -> Iterator[Comparison]:
    """One ranking of each prompt of train and validation; a text that was said twice is ranked once."""
    said: dict[str, dict[str, None]] = {}
    for sample in samples:
        said.setdefault(sample.prompt_id, {})[sample.completion] = None
    for row in read_lines(PromptRecord, prompts):
        texts = list(said[row.prompt_id])
        if row.split == "test" or len(texts) < 2:
            continue
        ranks = taste.opinion(f"labeler {turn}", facts_of(row), texts).ranks
        yield comparison(f"{turn} {row.prompt_id}", row, texts, ranks)


def comparison(name: str, row: PromptRecord, texts: Sequence[str], ranks: Sequence[int]) -> Comparison:
    k = len(texts)
    return Comparison(
        annotation_id=name,
        task_id=name,
        prompt_id=row.prompt_id,
        prompt=row.prompt,
        completion_ids=tuple(f"{name} {number}" for number in range(k)),
        completions=tuple(texts),
        authors=((),) * k,
        ranks=tuple(ranks),
        ratings=({},) * k,
        prompt_ratings={},
        simulated=True,
        split=row.split,
    )


def facts_of(row: PromptRecord) -> Facts:
    return parse_facts(row.prompt[-1].content)


def train(stage: str, folder: Path, seed: int, **settings: Any) -> float:
    """Seconds that the stage took in a process of its own, by the preset for small models and `settings` over it."""
    taken = folder / SECONDS
    if not taken.exists():
        started = time.monotonic()
        command = [sys.executable, "-m", "trainer", stage, str(folder)]
        subprocess.run([*command, *flags({**PRESET.get(stage, {}), "seed": seed, **settings})], check=True)
        taken.write_text(f"{time.monotonic() - started:.2f}\n")
        print(f"{folder.name}: {taken.read_text().strip()} s", file=sys.stderr, flush=True)
    return float(taken.read_text())


def flags(settings: Mapping[str, Any]) -> Iterable[str]:
    return (word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value)))


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())  # type: ignore[no-any-return]
