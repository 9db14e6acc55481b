"""How well does a reward model foresee people's rankings?

    python -m tests.benchmarks.human_rewards --data ../shared/data

The rankings of `e2e_eval/quality.jsonl` (K = 5, half of the pairs tied) are imported through the product, frozen and
exported; 20 % of the prompts are held out, three times. The base model is pretrained and fine-tuned on people's texts
of `e2e/devset.csv`, none of whose prompts is ranked. The last line is one JSON object: mean accuracy over the splits
on untied held-out pairs (equal scores count half), the pairs of all splits, and what preferring the longer text gets.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean

import app.tables  # noqa: F401  (models name each other's tables)
from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.config import Settings
from app.datasets.exporting import RONDO, exported, write_export
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.projects.service import create_project
from app.storage import storage
from trainer.records import Comparison, Demonstration, TextRecord, read_lines, write_lines

SPLITS = 3
HELD_OUT = 0.2
VALIDATION_PROMPTS = 40
PRETRAIN = ["--vocabulary", "1500", "--epochs", "2", "--micro-batch", "8"]
SFT = ["--epochs", "3", "--learning-rate", "2e-3", "--residual-dropout", "0.1", "--keep", "last", "--micro-batch", "16"]
REWARD = ["--epochs", "2", "--learning-rate", "1e-3", "--residual-dropout", "0.1", "--keep", "last"]
REWARD += ["--batch", "32", "--micro-batch", "8"]


@dataclass(frozen=True)
class Measured:
    """Of one split: untied held-out pairs, how many the reward model orders as people did, and the longer text."""

    pairs: int
    won: float
    longer: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    data: Path = arguments.parse_args().data
    with tempfile.TemporaryDirectory(prefix="rondo-rewards-") as scratch:
        folder = Path(scratch)
        through_the_product(data, folder)
        base = fine_tuned(folder)
        splits = [split(folder, base, seed) for seed in range(SPLITS)]
    accuracy = fmean(measured.won / measured.pairs for measured in splits)
    longer = fmean(measured.longer / measured.pairs for measured in splits)
    pairs = sum(measured.pairs for measured in splits)
    print(json.dumps({"accuracy": round(accuracy, 4), "pairs": pairs, "longer_wins": round(longer, 4)}))


def through_the_product(data: Path, folder: Path) -> None:
    """Both files imported, frozen and exported: `comparisons.jsonl` and `demonstrations.jsonl` in the folder."""
    settings = Settings(home=folder / "home")
    with storage(settings) as engine, transaction(engine) as session:
        project = create_project(session, "Restaurants", guidelines="")
        with (data / "e2e_eval" / "quality.jsonl").open("rb") as file:
            import_comparisons(session, project, file, source="quality", format_name="e2e-quality")
        with (data / "e2e" / "devset.csv").open("rb") as file:
            import_demonstrations(session, project, file, source="devset", format_name="e2e")
        for kind in (DatasetKind.COMPARISONS, DatasetKind.DEMONSTRATIONS):
            dataset = freeze_dataset(session, settings.files, project, kind.value, kind, DatasetFilter())
            write_export(exported(settings.files, dataset, RONDO), folder / kind.value)


def fine_tuned(folder: Path) -> Path:
    """A small model of how people describe restaurants."""
    demonstrations = list(read_lines(Demonstration, folder / "demonstrations" / "demonstrations.jsonl"))
    ids = sorted({one.prompt_id for one in demonstrations})
    validation = set(random.Random(1).sample(ids, VALIDATION_PROMPTS))
    marked = [replace(one, split="validation" if one.prompt_id in validation else "train") for one in demonstrations]
    write_lines(folder / "texts.jsonl", (TextRecord(f"{one.prompt[-1].content}\n{one.completion}") for one in marked))
    write_lines(folder / "demonstrations.jsonl", marked)
    train("pretrain", folder / "base", "--texts", folder / "texts.jsonl", *PRETRAIN)
    given = ["--model", folder / "base" / "model", "--demonstrations", folder / "demonstrations.jsonl"]
    train("sft", folder / "sft", *given, *SFT)
    return folder / "sft" / "model"


def split(folder: Path, base: Path, seed: int) -> Measured:
    """One reward model, and how it does on prompts that it never saw."""
    rankings = list(read_lines(Comparison, folder / "comparisons" / "comparisons.jsonl"))
    ids = sorted({one.prompt_id for one in rankings}, key=int)
    random.Random(seed).shuffle(ids)
    held_out = set(ids[: round(HELD_OUT * len(ids))])
    marked = [replace(one, split="test" if one.prompt_id in held_out else "train") for one in rankings]
    path = folder / f"split-{seed}.jsonl"
    write_lines(path, marked)
    train("reward", folder / f"reward-{seed}", "--model", base, "--comparisons", path, *REWARD)
    test = json.loads((folder / f"reward-{seed}" / "results.json").read_text())["test"]
    measured = Measured(test["pairs"], test["won"], longer_wins(one for one in marked if one.split == "test"))
    print(f"split {seed}: {measured.won / measured.pairs:.4f} of {measured.pairs} pairs", flush=True)
    return measured


def longer_wins(rankings: Iterable[Comparison]) -> float:
    return sum(wins for ranking in rankings for wins in _longer(ranking))


def _longer(ranking: Comparison) -> Iterator[float]:
    ranks, lengths = ranking.ranks or (), [len(text or "") for text in ranking.completions]
    for one, other in combinations(range(len(ranks)), 2):
        if ranks[one] != ranks[other]:
            better, worse = (one, other) if ranks[one] < ranks[other] else (other, one)
            yield 0.5 if lengths[better] == lengths[worse] else float(lengths[better] > lengths[worse])


def train(stage: str, folder: Path, *flags: str | Path) -> None:
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "trainer", stage, folder, *flags], check=True)
    print(f"{stage}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
