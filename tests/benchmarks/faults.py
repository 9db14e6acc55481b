"""Does a round come out the same when what does it is killed again and again?

    python -m tests.benchmarks.faults [--kills 30] [--rounds 2] [--seed 0]

On tiny models: one round collects rankings, one more learns from them undisturbed. Then rounds with the same settings
and rankings are done by two workers, while workers, trainers and the database's server are killed (SIGKILL) at random
moments; each is started again, as a service manager would. Every model's weights must be those of the undisturbed
round, every step must have one run and one checkpoint, and no step's numbers may be missing.

The last line is one JSON object.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

import app.tables  # noqa: F401  (models name each other's tables)
from app.db import connect, transaction
from app.projects.models import Project
from app.rounds.models import Round, RoundRun, RoundState
from app.rounds.plan import RoundPlan
from app.rounds.service import start_round
from app.runs.models import Run, RunMetric, RunState
from app.schema import upgrade

LEASE = 5  # seconds of silence after which another worker takes a run
KINDS = ("trainer", "worker", "database")
LONGEST = 900  # seconds for a round
UNDER_WAY = (RoundState.RUNNING, RoundState.WAITING)

KEEPER = """
import sys
from pathlib import Path
from app.embedded import running
with running(Path(sys.argv[1])) as server:
    print(server.url(), flush=True)
    sys.stdin.read()
"""


@dataclass
class Site:
    """A database, a folder of files, and workers as processes of their own, any of which may be killed."""

    url: str
    home: Path
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_worker(self) -> None:
        ours = {"RONDO_DATABASE_URL": self.url.replace("+psycopg", "", 1), "RONDO_HOME": str(self.home)}
        environment = {**os.environ, **ours, "RONDO_STALLED_AFTER": str(LEASE), "OMP_NUM_THREADS": "1"}
        with (self.home / "workers.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.cli", "worker"], env=environment, stdout=log, stderr=log
            )
        self.workers[worker.pid] = worker

    def kill_worker(self, run: Run) -> bool:
        """The one that has the run; another takes its place."""
        assert run.worker
        process = int(run.worker.rpartition(":")[2].partition("-")[0])
        worker = self.workers.pop(process, None)
        if worker is None:
            return False
        worker.kill()
        worker.wait()
        self.start_worker()
        return True

    def kill_trainer(self, run: Run) -> bool:
        for number in trainers_in(self.home / "files" / run.location):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
                return True
        return False

    def end(self) -> None:
        for worker in self.workers.values():
            worker.terminate()
        for worker in self.workers.values():
            worker.wait(90)


@contextmanager
def site(url: str, home: Path, workers: int) -> Iterator[Site]:
    here = Site(url, home)
    try:
        for _ in range(workers):
            here.start_worker()
        yield here
    finally:
        here.end()


def trainers_in(folder: Path) -> list[int]:
    """The processes whose command line names the run's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(folder) in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def weights_of(files: Path, run: Run) -> str:
    """A digest of what was learned."""
    return sha256((files / run.location / "model" / "model.safetensors").read_bytes()).hexdigest()


def steps_said(engine: Engine, run: Run) -> list[int]:
    with transaction(engine) as session:
        return list(session.scalars(select(RunMetric.step).where(RunMetric.run_id == run.id).order_by(RunMetric.step)))


def vulnerable(engine: Engine) -> list[Run]:
    """Runs under way that a kill does not poison: it would be the first, or they have come further than before."""
    with transaction(engine) as session:
        running = session.scalars(select(Run).where(Run.state == RunState.RUNNING)).all()
    return [run for run in running if run.fruitless == 0 or run.progress > run.reached]


class Keeper:
    """The process that owns the database's server, which dies with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = self.start()

    def start(self) -> str:
        command = [sys.executable, "-c", KEEPER, str(self.home)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """Server and owner at once, without a word; then a new one over the same data."""
        postmaster = int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        end = time.monotonic() + 60
        while self.start() != self.url:  # the memory of the old one is in use until the last of its processes has ended
            assert time.monotonic() < end, "the server does not come back"
            time.sleep(0.5)

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def disturb(engine: Engine, here: Site, keeper: Keeper, number: int, kills: int, chance: random.Random) -> Counter[str]:
    """What was killed until the round was over; at most `kills`."""
    killed: Counter[str] = Counter()
    end = time.monotonic() + LONGEST
    while not over(engine, number):
        assert time.monotonic() < end, "the round took too long"
        time.sleep(chance.uniform(0.5, 4))
        runs = vulnerable(engine)
        if not runs or killed.total() == kills:
            continue
        kind = chance.choice(KINDS)
        if kind == "database":
            keeper.kill()
            killed[kind] += 1
        elif (here.kill_worker if kind == "worker" else here.kill_trainer)(runs[0]):
            killed[kind] += 1
    return killed


def over(engine: Engine, number: int) -> bool:
    try:
        with transaction(engine) as session:
            return session.get_one(Round, number).state not in UNDER_WAY
    except OperationalError:
        return False


def runs_by_step(engine: Engine, number: int) -> dict[str, Run]:
    with transaction(engine) as session:
        found = session.execute(select(RoundRun.step, Run).join(Run).where(RoundRun.round_id == number))
        return {step: run for step, run in found}  # noqa: C416


def begin(engine: Engine, project: int, plan: RoundPlan) -> int:
    with transaction(engine) as session:
        return start_round(session, session.get_one(Project, project), plan).id


def compared(engine: Engine, files: Path, undisturbed: int, disturbed: int) -> dict[str, bool]:
    """Of each step that learned something: whether it learned the same, and said so step by step."""
    before, after = runs_by_step(engine, undisturbed), runs_by_step(engine, disturbed)
    assert before.keys() == after.keys()
    assert all(run.state is RunState.FINISHED for run in after.values()), {s: r.error for s, r in after.items()}
    return {
        step: weights_of(files, run) == weights_of(files, after[step])
        and steps_said(engine, run) == steps_said(engine, after[step])
        for step, run in before.items()
        if (files / run.location / "model" / "model.safetensors").exists()
    }


def main() -> None:
    from tests.app.rounds.test_loop import TINY, do_runs, prepare, rank_everything  # a tiny round, ready made

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("--kills", 30), ("--rounds", 2), ("--seed", 0)):
        parser.add_argument(name, type=int, default=value)
    given = parser.parse_args()
    longer = {stage: {**values, "checkpoint_every": 1} for stage, values in TINY.items() if stage != "sample"}
    plan = RoundPlan(settings={**TINY, **longer})
    began = time.monotonic()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rondo-faults-")))
        keeper = Keeper(home)
        stack.callback(keeper.end)
        engine = connect(keeper.url)
        stack.callback(engine.dispose)
        upgrade(engine)
        files = home / "files"
        with transaction(engine) as session:
            project = prepare(session).id
        begin(engine, project, plan)
        while do_runs(engine, files) or rank_everything(engine):
            pass
        again = plan.model_copy(update={"rankings": "existing", "evaluate": False})
        undisturbed = begin(engine, project, again)
        do_runs(engine, files)
        here = stack.enter_context(site(keeper.url, home, 2))
        killed: Counter[str] = Counter()
        same = []
        for turn in range(given.rounds):
            share = given.kills // given.rounds
            disturbed = begin(engine, project, again)
            killed += disturb(engine, here, keeper, disturbed, share, random.Random(given.seed + turn))
            same.append(compared(engine, files, undisturbed, disturbed))
    print(json.dumps({"killed": killed, "same": same, "seconds": round(time.monotonic() - began)}))


if __name__ == "__main__":
    main()
