"""The whole loop on people's demonstrations, once for each seed: what does a round gain, and how long does it take?

    python -m tests.benchmarks.loop --e2e ../shared/data/e2e

Everything is as in `rondo demo --e2e`: an embedded database, the web application, a worker, and simulated labelers who
work over HTTP. The last line is one JSON object of means over the seeds (`win_rate_low` is the mean lower bound of the
95 % interval, clustered by prompt; `length_ratio` is words per output, PPO over SFT).
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean

import app.tables  # noqa: F401  (models name each other's tables)
from app.config import Settings
from app.db import transaction
from app.demo.outcome import Outcome, outcome_of
from app.demo.playing import Watch, play_round, prepare
from app.demo.scripts import e2e_script, own_script
from app.demo.site import site


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--e2e", type=Path, help="folder of the E2E data; without it the demo's own corpus")
    arguments.add_argument("--seeds", type=int, default=3, help="how many seeds, counted from 1")
    given = arguments.parse_args()
    rows = [measured(seed, given.e2e) for seed in range(1, given.seeds + 1)]
    print(json.dumps({name: round(fmean(row[name] for row in rows), 4) for name in rows[0]}))


def measured(seed: int, e2e: Path | None) -> dict[str, float]:
    """One round in a home of its own."""
    script = e2e_script(e2e, seed) if e2e else own_script(seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rondo-loop-") as home, site(Settings(home=Path(home), port=0)) as place:
        watch = say_what_begins(seed)
        number = play_round(place, script, prepare(place, script, watch), watch)
        with transaction(place.engine) as session:
            outcome = outcome_of(session, place.files, [number], script.checker)
    row = numbers(outcome) | {"seconds": time.monotonic() - started}
    print(f"seed {seed}: " + ", ".join(f"{name} {value:.3g}" for name, value in row.items()), flush=True)
    return row


def say_what_begins(seed: int) -> Watch:
    """A line on standard error for each thing that is begun, with the seconds since the start."""
    started, seen = time.monotonic(), set[str]()

    def watch(what: str, share: float) -> None:
        del share
        if what not in seen:
            seen.add(what)
            print(f"seed {seed}, {time.monotonic() - started:4.0f} s: {what}", file=sys.stderr, flush=True)

    return watch


def numbers(outcome: Outcome) -> dict[str, float]:
    (only,) = outcome.rounds
    assert only.win_rate is not None
    assert only.win_rate.low is not None
    assert only.accuracy.noiseless is not None
    return {
        "sft_errors": outcome.sft.errors,
        "ppo_errors": only.policy.errors,
        "sft_perfect": outcome.sft.perfect,
        "ppo_perfect": only.policy.perfect,
        "reward_accuracy": only.accuracy.noiseless,
        "win_rate": only.win_rate.rate,
        "win_rate_low": only.win_rate.low,
        "length_ratio": only.policy.words / outcome.sft.words,
    }


if __name__ == "__main__":
    main()
