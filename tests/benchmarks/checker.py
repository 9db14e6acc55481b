"""How well the checker of facts agrees with people, on the E2E data.

    python -m tests.benchmarks.checker --data ../shared/data

Against people's flags (`quality.jsonl`): the outputs on which most of two or more labelers gave the same flag. People's
own texts (`e2e`) say what the count is worth: they leave facts out on purpose, and few flags say "added" rightly.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.simulation.e2e import read_e2e
from app.simulation.facts import KINDS, Checker, Facts, Findings, parse_facts

Judged = tuple[Facts, str, str]
MISSING, ADDED = {"missing", "added+missing"}, {"added", "added+missing"}


@dataclass(frozen=True)
class Agreement:
    precision: float
    recall: float
    people: int


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder: Path = arguments.parse_args().data
    demonstrations = read_e2e(folder / "e2e")
    checker = Checker(written.facts for written in demonstrations)
    judged = list(judged_outputs(folder / "e2e_eval" / "quality.jsonl"))
    agreements = {
        "missing": agreement(checker, judged, MISSING, ("missing",)),
        "wrong_or_added": agreement(checker, judged, ADDED, ("wrong", "invented")),
        "any_error": agreement(checker, judged, MISSING | ADDED, KINDS),
    }
    started = time.perf_counter()
    own = [checker.check(written.facts, written.text) for written in demonstrations]
    speed = len(own) / (time.perf_counter() - started)
    print_table(agreements, own)
    result = {name: asdict(value) for name, value in agreements.items()}
    print(json.dumps({**result, "human_errors": mean_errors(own), "texts_per_second": round(speed)}))


def judged_outputs(path: Path) -> Iterator[Judged]:
    """Facts, text and the flag that a strict majority of its labelers gave it."""
    flags: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in path.read_text("utf-8").splitlines():
        ranking = json.loads(line)
        for output in ranking["outputs"]:
            flags[ranking["mr"], output["text"]].append(output["flag"])
    for (facts, text), given in flags.items():
        flag, votes = Counter(given).most_common(1)[0]
        if len(given) > 1 and 2 * votes > len(given):
            yield parse_facts(facts), text, flag


def agreement(checker: Checker, judged: Iterable[Judged], flags: set[str], kinds: tuple[str, ...]) -> Agreement:
    """The checker's findings of some kinds, as a prediction of people's flags."""
    cells: Counter[tuple[bool, bool]] = Counter()
    for facts, text, flag in judged:
        findings = checker.check(facts, text)
        cells[flag in flags, any(getattr(findings, kind) for kind in kinds)] += 1
    right, alarms, overlooked = cells[True, True], cells[False, True], cells[True, False]
    return Agreement(round(right / (right + alarms), 4), round(right / (right + overlooked), 4), right + overlooked)


def mean_errors(findings: list[Findings]) -> float:
    return round(sum(found.errors for found in findings) / len(findings), 4)


def print_table(agreements: dict[str, Agreement], own: list[Findings]) -> None:
    print(f"{'against flags':<16}{'precision':>10}{'recall':>8}{'flagged by people':>19}")
    for name, value in agreements.items():
        print(f"{name:<16}{value.precision:>10.3f}{value.recall:>8.3f}{value.people:>19}")
    print(f"\npeople's own texts: {len(own)}, errors per text {mean_errors(own):.3f}, of which")
    for kind in KINDS:
        print(f"  {kind:<10}{sum(len(getattr(found, kind)) for found in own) / len(own):>7.3f}")


if __name__ == "__main__":
    main()
