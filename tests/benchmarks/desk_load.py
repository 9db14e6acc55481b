"""Many labelers at the desk at once, without a pause: how many annotations does one machine take, and how fast?

    python -m tests.benchmarks.desk_load

An embedded database, `rondo serve` as anybody runs it, and labelers on real sockets in a process of their own. Each
signs in with a password, then again and again sends ranks and ratings of all outputs and gets the next page, whole.
Filling the database takes two or three minutes and counts for nothing; neither does the warm-up. A claim is timed where
1 % of the tasks is done, before the labelers come, and where 99 % is, after they left.

The last line is one JSON object: annotations by second, the 95th percentile of milliseconds to get the next page and to
submit, tasks with more answers than asked for, and what a claim costs at 99 % done over what it costs at 1 %.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import quantiles

from sqlalchemy import Engine

import app.tables  # noqa: F401  (models name each other's tables)
from app.config import Settings
from app.storage import storage
from tests.benchmarks.load.claims import claim_milliseconds, finish
from tests.benchmarks.load.counting import counted, over_collected
from tests.benchmarks.load.crowd import WORKING, Crowd, Tally
from tests.benchmarks.load.filling import PASSWORD, make_campaign
from tests.benchmarks.load.serving import Served, cpu_seconds, postmaster, serving

OUTPUTS = 9
SHOWN_WRONG = 10
LOG_LINES = 40
FEWEST = 100  # for a 99th percentile


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="rondo-load-") as home:
        measure(Settings(home=Path(home)), given)


def measure(settings: Settings, given: argparse.Namespace) -> None:
    with storage(settings) as engine:
        started = time.monotonic()
        campaign, emails = make_campaign(engine, given.labelers, given.tasks, given.overlap, OUTPUTS)
        say(f"filled with {given.tasks:,} tasks in {time.monotonic() - started:.0f} s")
        finish(engine, campaign, 0.01)
        early = claim_milliseconds(engine, campaign)
        say(f"a claim at 1 % done: {early:.2f} ms")
        tally = work(settings, emails, given)
        report(engine, settings, tally)
        finish(engine, campaign, 0.99)
        late = claim_milliseconds(engine, campaign)
        say(f"a claim at 99 % done: {late:.2f} ms")
        print(json.dumps(results(engine, tally, given.seconds, late / early)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelers", type=int, default=50)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--overlap", type=int, default=1, help="answers that each task asks for")
    parser.add_argument("--seconds", type=float, default=60, help="measured, after the warm-up")
    parser.add_argument("--warm-up", type=float, default=10, help="seconds of work before that")
    parser.add_argument("--serve", default="", help="more options for `rondo serve`")
    return parser.parse_args()


def work(settings: Settings, emails: list[str], given: argparse.Namespace) -> Tally:
    """The labelers' shift, with the processor time of everybody printed."""
    with serving(settings, *given.serve.split()) as served:
        crowd = Crowd(served.host, served.port, emails, PASSWORD, OUTPUTS, given.warm_up, given.seconds)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.load.crowd"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdin
            assert process.stdout
            assert process.stderr
            process.stdin.write(json.dumps(asdict(crowd)))
            process.stdin.close()
            began = process.stderr.readline()
            if began.strip() != WORKING:
                raise SystemExit(began + process.stderr.read() + server_log(settings))
            before = costs(served, settings)
            finished = process.stdout.read()
            after = costs(served, settings)
        tally = Tally(**json.loads(finished))
        say_costs(tally, {name: after[name] - before[name] for name in before})
        return tally


def server_log(settings: Settings) -> str:
    """How it ends: what the server had to complain about."""
    return "\n".join((settings.home / "serve.log").read_text().splitlines()[-LOG_LINES:])


def costs(served: Served, settings: Settings) -> dict[str, float]:
    return {"web": cpu_seconds(served.process), "database": cpu_seconds(postmaster(settings.home))}


def say_costs(tally: Tally, seconds: dict[str, float]) -> None:
    """Processor time, whose sum a quiet machine with nothing else to do divides among its processors."""
    spent = {**seconds, "client": tally.client_cpu}
    for name, each in spent.items():
        share, apiece = each / tally.wall / (os.cpu_count() or 1), 1000 * each / max(1, tally.accepted)
        say(f"{name:>9}: {apiece:6.2f} ms of a processor an annotation, {share:4.0%} of all processors")


def report(engine: Engine, settings: Settings, tally: Tally) -> None:
    say("answers: " + ", ".join(f"{number} {what}" for what, number in sorted(tally.answers.items())))
    for wrong in tally.wrong[:SHOWN_WRONG]:
        say("wrong: " + wrong)
    if min(len(tally.next_seconds), len(tally.submit_seconds)) < FEWEST:
        raise SystemExit("too little was done to speak of:\n" + server_log(settings))
    say(f"page {tally.page_bytes:,} bytes, form {tally.form_bytes:,} bytes")
    for name, seconds in (("next", tally.next_seconds), ("submit", tally.submit_seconds)):
        cuts = ", ".join(f"p{cut} {percentile(seconds, cut):.0f}" for cut in (50, 90, 95, 99))
        say(f"{name}: {len(seconds)} in ms: {cuts}, most {1000 * max(seconds):.0f}")
    with engine.connect() as connection:
        stored = counted(connection)
    say(f"stored: {stored}; accepted by the browsers' count: {tally.accepted}")
    if stored.annotations + stored.surplus != tally.accepted or stored.ranked != OUTPUTS * tally.accepted:
        raise SystemExit("what was accepted is not what was stored")


def percentile(seconds: Sequence[float], cut: int) -> float:
    """In milliseconds."""
    return 1000 * quantiles(seconds, n=100, method="inclusive")[cut - 1]


def results(engine: Engine, tally: Tally, seconds: float, claim_ratio: float) -> dict[str, float]:
    with engine.connect() as connection:
        over = over_collected(connection)
    return {
        "annotations_per_s": round(tally.measured / seconds, 1),
        "next_p95_ms": round(percentile(tally.next_seconds, 95), 1),
        "submit_p95_ms": round(percentile(tally.submit_seconds, 95), 1),
        "over_collected": over,
        "claim_cost_99_to_1": round(claim_ratio, 2),
    }


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
