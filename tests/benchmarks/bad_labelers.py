"""How soon bad labelers are noticed, and how seldom good ones are, over many simulations on the real tables.

Each simulation is a campaign (K = 5, overlap 3, known answers at 10 %) with one bad labeler of a kind and five good
ones, of whom each gives 50 answers. The last line is one JSON object: of each kind the share that was noticed, and of
the good ones the share noticed by mistake.

    python -m tests.benchmarks.bad_labelers --simulations 25
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from sqlalchemy.orm import Session

import app.tables  # noqa: F401
from app import schema
from app.db import connect
from app.embedded import running
from tests.conftest import HURRY
from tests.pretenders import BAD, simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=25, help="of each kind")
    parser.add_argument("--good", type=int, default=5, help="good labelers beside each bad one")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = perf_counter()
    with TemporaryDirectory(prefix="rondo-labelers-") as home, running(Path(home), HURRY) as server:
        engine = connect(server.url("postgres"))
        schema.upgrade(engine)
        found: dict[str, Counter[str]] = {kind: Counter() for kind in BAD}
        mistaken: Counter[str] = Counter()
        good = 0
        for kind in BAD:
            for number in range(chosen.simulations):
                with Session(engine) as session:
                    bad, others = simulate(session, chosen.seed + number, kind, chosen.good)
                    session.rollback()
                found[kind].update({"noticed": bool(bad), "paused": "pause" in bad.values(), **dict.fromkeys(bad, 1)})
                good += len(others)
                mistaken.update({"noticed": 0})
                for signs in others:
                    mistaken.update({"noticed": bool(signs), **dict.fromkeys(signs, 1)})
            print(kind, dict(found[kind]), "good", good, dict(mistaken), flush=True)
    print(
        json.dumps(
            {
                **{kind: round(counts["noticed"] / chosen.simulations, 3) for kind, counts in found.items()},
                "paused": {kind: round(counts["paused"] / chosen.simulations, 3) for kind, counts in found.items()},
                "good": round(mistaken["noticed"] / good, 4),
                "good_labelers": good,
                "simulations_of_each": chosen.simulations,
                "seconds": round(perf_counter() - began, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
