"""What does each way to align a policy gain from the same rankings, and at what price?

    python -m tests.benchmarks.align --e2e ../shared/data/e2e

All start from one SFT policy and learn from the same rankings, or from one reward model of them: the methods of
`trainer align`, PPO, PPO-ptx, and best-of-n, which changes nothing but the sampling. Then each writes a few texts for
every held-out prompt at temperature 1, and the checker counts their errors. KL is against the SFT policy, in nats per
output; that of best-of-n is the bound log n - (n - 1) / n [Beirami et al. 2024]. Seconds of learning do not hold those
of the reward model, which rso, expert_iteration, PPO and best-of-n need besides. A method that gained nothing, stayed
where it was or does not end its texts is named, and the exit code is 1. The last line is one JSON object.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.simulation.corpus import Corpus, from_written, make_corpus
from app.simulation.e2e import read_e2e
from app.simulation.facts import Checker
from app.simulation.taste import Taste
from tests.benchmarks.align_start import FULL, QUICK, Scale, Start, facts_of, make_start, sampled, train
from trainer.config import AlignConfig
from trainer.encoding import load_tokenizer, make_encoder
from trainer.likelihoods import Speaker, sampled_kl
from trainer.loop import prepare
from trainer.models import load_policy
from trainer.records import PromptRecord, Sample, read_lines

NOISE = 0.1
BEST_OF = 16
LENGTH = 80
STILL = 0.01  # nats
UNENDED = 0.05

# Learning rates that suit half a million weights; what else differs from the trainer's defaults is said here.
ALIGN: dict[str, Any] = {"threads": 2, "batch": 16, "warmup_steps": 10, "max_new_tokens": LENGTH, "checkpoint_every": 0}
METHODS: dict[str, dict[str, Any]] = {
    "dpo": {"learning_rate": 3e-4},
    "dpo_ranking": {"learning_rate": 3e-4},
    "ipo": {"learning_rate": 3e-4},
    "slic": {"learning_rate": 3e-4, "best_weight": 0.1},
    "rrhf": {"learning_rate": 3e-4, "best_weight": 0.01},
    "pro": {"learning_rate": 3e-4, "best_weight": 0.01},
    "conditional": {"learning_rate": 1e-3, "grades": 5, "epochs": 2},
    "rso": {"learning_rate": 3e-4},
    "expert_iteration": {"learning_rate": 1e-3, "rounds": 2, "epochs": 2},
}
PPO_METHODS: dict[str, dict[str, Any]] = {"ppo": {}, "ppo_ptx": {"ptx_coefficient": 1.0, "ptx_batch": 1}}
START, BEST = "sft", f"best_of_{BEST_OF}"
ALL = (START, *METHODS, *PPO_METHODS, BEST)


@dataclass(frozen=True)
class Row:
    """One method: raw counts over its outputs, KL in nats per output, seconds of learning and of sampling."""

    outputs: int
    errors: int
    perfect: int
    words: int
    unended: int
    kl: float
    learning: float
    sampling: float

    @property
    def ends_badly(self) -> bool:
        return self.unended > UNENDED * self.outputs

    def numbers(self) -> dict[str, float]:
        return {
            "errors": round(self.errors / self.outputs, 4),
            "perfect": round(self.perfect / self.outputs, 4),
            "words": round(self.words / self.outputs, 2),
            "kl": round(self.kl, 3),
            "seconds": round(self.learning, 1),
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--e2e", type=Path, help="folder of the E2E data; without it the demo's own corpus")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--methods", default=",".join(ALL), help=f"some of {', '.join(ALL)}, with commas between")
    arguments.add_argument("--folder", type=Path, help="keep everything here, and go on from what is here")
    arguments.add_argument("--quick", action="store_true", help="a few prompts and steps, to try the benchmark itself")
    given = arguments.parse_args()
    methods = given.methods.split(",")
    if unknown := set(methods) - set(ALL):
        arguments.error(f"no such method: {', '.join(sorted(unknown))}")
    corpus = from_written(read_e2e(given.e2e), given.seed) if given.e2e else make_corpus(given.seed)
    with nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory(prefix="rondo-align-") as folder:
        rows = measure(Path(folder), corpus, methods, QUICK if given.quick else FULL, given.seed)
    found = [] if given.quick else complaints(rows)
    print("\n".join(found), file=sys.stderr)
    print(json.dumps({name: row.numbers() for name, row in rows.items()}))
    sys.exit(1 if found else 0)


def measure(folder: Path, corpus: Corpus, methods: Sequence[str], scale: Scale, seed: int) -> dict[str, Row]:
    folder.mkdir(parents=True, exist_ok=True)
    checker = Checker(corpus.known)
    start = make_start(folder, corpus, Taste(checker, seed, NOISE), scale, seed)
    print_head()
    rows = {}
    for name in methods:
        rows[name] = measured(name, start, checker, scale, seed)
        print_row(name, rows[name])
    return rows


def measured(name: str, start: Start, checker: Checker, scale: Scale, seed: int) -> Row:
    model, learning = learned(name, start, scale, seed)
    wanted: dict[str, Any] = {"split": "test", "k_min": scale.outputs, "k_max": scale.outputs}
    if name == BEST:
        wanted |= {"reward_model": start.reward, "best_of": BEST_OF}
    place = start.folder / f"test-{name}"
    samples = sampled(place, model, start.prompts, seed, **wanted)
    sampling = train("sample", place, seed)
    prompts = [row for row in read_lines(PromptRecord, start.prompts) if row.split == "test"]
    kl = math.log(BEST_OF) - (BEST_OF - 1) / BEST_OF if name == BEST else kl_between(model, start.sft, prompts, scale)
    return counted(samples, prompts, checker, kl, learning, sampling)


def learned(name: str, start: Start, scale: Scale, seed: int) -> tuple[Path, float]:
    """The model's folder, and the seconds that it took."""
    if name in (START, BEST):
        return start.sft, 0.0
    folder = start.folder / name
    given: dict[str, Any] = {"model": start.sft, "prompts": start.prompts, "reward_model": start.reward}
    if name in METHODS:
        settings = {**ALIGN, "method": name, "comparisons": start.comparisons, **METHODS[name]}
        return folder / "model", train("align", folder, seed, **given, **settings)
    texts = {"texts": start.texts} if name == "ppo_ptx" else {}
    seconds = train("ppo", folder, seed, **given, **texts, steps=scale.ppo_steps, **PPO_METHODS[name])
    return folder / "model", seconds


def counted(
    samples: Iterable[Sample],
    prompts: Sequence[PromptRecord],
    checker: Checker,
    kl: float,
    learning: float,
    sampling: float,
) -> Row:
    facts, samples = {row.prompt_id: facts_of(row) for row in prompts}, list(samples)
    told = [
        (checker.check(facts[one.prompt_id], one.completion).errors, len(one.completion.split())) for one in samples
    ]
    return Row(
        outputs=len(told),
        errors=sum(errors for errors, _ in told),
        perfect=sum(errors == 0 for errors, _ in told),
        words=sum(words for _, words in told),
        unended=sum(sample.finish_reason == "length" for sample in samples),
        kl=kl,
        learning=learning,
        sampling=sampling,
    )


def kl_between(model: Path, start: Path, prompts: Sequence[PromptRecord], scale: Scale) -> float:
    """Measured alike for all: one estimate from as many completions as the table counts."""
    device = prepare(AlignConfig(threads=2))
    asked = [row.prompt for row in prompts] * scale.outputs
    policy, reference = (
        Speaker(load_policy(path).to(device).eval(), make_encoder(load_tokenizer(path), 1024, 1024))
        for path in (model, start)
    )
    with torch.no_grad():
        return sampled_kl(policy, reference, asked, LENGTH, 0, 256)


def complaints(rows: Mapping[str, Row]) -> list[str]:
    """What no honest table can hold: a method that gained nothing over the start, did not move, or cannot end."""
    found = [
        f"{name} does not end {row.unended} of {row.outputs} texts" for name, row in rows.items() if row.ends_badly
    ]
    for name, row in rows.items():
        if name == START or START not in rows:
            continue
        if row.kl < STILL:
            found.append(f"{name} is where it started: KL {row.kl:.4f}")
        if row.errors / row.outputs >= rows[START].errors / rows[START].outputs:
            found.append(f"{name} gained nothing: {row.errors} errors in {row.outputs} outputs")
    return found


def print_head() -> None:
    head = f"{'method':18} {'errors/output':>13} {'perfect':>9} {'words':>6} {'KL':>6} {'learning':>9} {'sampling':>9}"
    print(f"{head}   raw: errors, perfect, words, unended, of outputs", flush=True)


def print_row(name: str, row: Row) -> None:
    means = row.numbers()
    line = f"{name:18} {means['errors']:13.3f} {means['perfect']:9.1%} {means['words']:6.1f} {row.kl:6.2f}"
    raw = f"{row.errors}, {row.perfect}, {row.words}, {row.unended}, {row.outputs}"
    print(f"{line} {row.learning:7.0f} s {row.sampling:7.0f} s   {raw}", flush=True)


if __name__ == "__main__":
    main()
