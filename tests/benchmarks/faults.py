"""Is anything lost when what does the work is killed again and again?

    python -m tests.benchmarks.faults [--kills 30] [--rounds 2] [--seed 0]

On tiny models, with `rondo serve` and two `rondo worker` on one home, all of which share the embedded database. In each
round a third of the kills (SIGKILL, at random moments) falls while labelers rank over HTTP: processes of the web
application and the database's server. What was acknowledged must be there, as it was sent, once, and no task may have
more answers than it asked for. Then a model is trained on these rankings undisturbed, and again while workers,
trainers, the database and the web application are killed: every model's weights must be the same, every step must have
one run, and no step's numbers may be missing. What is killed is started again, as a service manager would.

The last line is one JSON object; the exit status is 1 where anything was lost or differs.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

import app.tables  # noqa: F401  (models name each other's tables)
from app.accounts.models import Role, User
from app.accounts.passwords import hash_password
from app.config import Settings
from app.db import connect, transaction
from app.projects.models import Project
from app.rounds.models import Round, RoundRun, RoundState
from app.rounds.plan import RoundPlan, SamplingPlan
from app.rounds.service import cancel_round, start_round
from app.runs.models import Run, RunMetric, RunState, Stage
from app.storage import storage
from app.tasks.models import Task
from tests.benchmarks.killing.labelers import Crew
from tests.benchmarks.killing.reckoning import Reckoning, reckon
from tests.benchmarks.killing.site import Site, patiently, site

LONGEST = 900  # seconds for a disturbed round
MOST_ROUNDS = 3  # on the same rankings, where one was over before all kills were done
UNDER_WAY = (RoundState.RUNNING, RoundState.WAITING)
PASSWORD = "a password for labelers under fire"
OVERLAP = 2
LONGER: dict[Stage, dict[str, Any]] = {  # so that most kills fall between two checkpoints, not before the first
    Stage.PRETRAIN: {"epochs": 12},
    Stage.SFT: {"epochs": 12},
    Stage.REWARD: {"epochs": 12},
    Stage.PPO: {"steps": 12},
}


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


def kill_somebody(here: Site, run: Run, chance: random.Random) -> str | None:
    """Who it was; nobody where the one that was drawn is not there just now."""
    kinds: dict[str, Callable[[], bool]] = {
        "worker": lambda: here.kill_worker(run),
        "trainer": lambda: here.kill_trainer(run),
        "database": here.kill_database,
        "web": lambda: here.kill_web(chance),
    }
    kind = chance.choice(list(kinds))
    return kind if kinds[kind]() else None


def disturb(engine: Engine, here: Site, number: int, kills: int, chance: random.Random) -> Counter[str]:
    """What was killed until the round was over; at most `kills`."""
    killed: Counter[str] = Counter()
    end = time.monotonic() + LONGEST
    while patiently(lambda: state_of(engine, number)) in UNDER_WAY:
        assert time.monotonic() < end, "the round took too long"
        time.sleep(chance.uniform(0.2, 2))
        if killed.total() < kills and (runs := patiently(lambda: vulnerable(engine))):
            kind = kill_somebody(here, runs[0], chance)
            killed += Counter([kind] if kind else [])
    return killed


def state_of(engine: Engine, number: int) -> RoundState:
    with transaction(engine) as session:
        return session.get_one(Round, number).state


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
    for number in (undisturbed, disturbed):
        with transaction(engine) as session:
            ended = session.get_one(Round, number)
        assert ended.state is RoundState.FINISHED, f"round {number} {ended.state}: {ended.error}"
    assert before.keys() == after.keys()
    assert all(run.state is RunState.FINISHED for run in after.values())
    return {
        step: weights_of(files, run) == weights_of(files, after[step])
        and steps_said(engine, run) == steps_said(engine, after[step])
        for step, run in before.items()
        if (files / run.location / "model" / "model.safetensors").exists()
    }


@contextmanager
def killing_at_desks(here: Site, crew: Crew, slots: int, kills: int, chance: random.Random) -> Iterator[Counter[str]]:
    """Beside the block, at moments spread over the work: so many submissions are acknowledged before each kill."""
    killed: Counter[str] = Counter()
    over = threading.Event()
    moments = sorted(len(crew.acknowledged) + chance.randrange(slots) for _ in range(kills))

    def kill() -> None:
        for moment in moments:
            while len(crew.acknowledged) < moment and not over.wait(0.02):
                pass
            over.wait(chance.uniform(0, 0.3))
            kind = chance.choice(("web", "database"))
            while not over.is_set() and not (here.kill_web(chance) if kind == "web" else here.kill_database()):
                over.wait(0.2)
            killed[kind] += not over.is_set()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def label(engine: Engine, here: Site, crew: Crew, kills: int, seed: int) -> Counter[str]:
    """All that waits is ranked, under fire."""
    with transaction(engine) as session:
        emails = [email for email in session.scalars(select(User.email).where(User.role == Role.LABELER)) if email]
        slots = int(session.scalar(select(func.sum(Task.remaining))) or 0)
    with killing_at_desks(here, crew, slots, kills, random.Random(seed)) as killed:
        crew.work(emails, PASSWORD, seed)
    return killed


def reckoned(engine: Engine, crew: Crew) -> Reckoning:
    with transaction(engine) as session:
        return reckon(session, crew.acknowledged)


def hire(engine: Engine) -> None:
    """Everybody there is gets the password."""
    hashed = hash_password(PASSWORD)
    with transaction(engine) as session:
        for labeler in session.scalars(select(User).where(User.role == Role.LABELER, User.email.is_not(None))):
            labeler.password_hash = hashed


def train(
    engine: Engine, here: Site, project: int, plan: RoundPlan, kills: int, seed: int
) -> tuple[Counter[str], list[dict[str, bool]]]:
    """Once undisturbed, then under fire until all kills are done; what was killed, and what came out the same."""
    from tests.app.rounds.test_loop import do_runs

    files = here.home / "files"
    undisturbed = begin(engine, project, plan)
    do_runs(engine, files)
    killed: Counter[str] = Counter()
    same = []
    for turn in range(MOST_ROUNDS):
        disturbed = begin(engine, project, plan)
        for _ in range(2):
            here.start_worker()
        killed += disturb(engine, here, disturbed, kills - killed.total(), random.Random(f"{seed} {turn}"))
        here.end_workers()
        same.append(patiently(partial(compared, engine, files, undisturbed, disturbed)))
        if killed.total() >= kills:
            break
    return killed, same


def main() -> None:
    given = arguments()
    began = time.monotonic()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rondo-faults-")))
        here = stack.enter_context(site(home))
        url, project = filled(home)
        here.start_web()
        here.await_web()
        engine = connect(url)
        stack.callback(engine.dispose)
        crew = Crew(here.address)
        killed, same = play(engine, here, crew, project, given)
        reckoning = patiently(lambda: reckoned(engine, crew))
    result = {"killed": killed, "resent": crew.resent, **asdict(reckoning), "same": same}
    print(json.dumps({**result, "seconds": round(time.monotonic() - began)}))
    sys.exit(not (reckoning.is_right and all(all(each.values()) for each in same)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("--kills", 30), ("--rounds", 2), ("--seed", 0)):
        parser.add_argument(name, type=int, default=value)
    return parser.parse_args()


def filled(home: Path) -> tuple[str, int]:
    """The database's address, and the project with its demonstrations and labelers."""
    from tests.app.rounds.test_loop import prepare

    with storage(Settings(home=home, database_url=None)) as engine:
        with transaction(engine) as session:
            project = prepare(session).id
        hire(engine)
        return engine.url.render_as_string(hide_password=False), project


def tiny_plan() -> RoundPlan:
    from tests.app.rounds.test_loop import TINY

    tiny: dict[Stage, dict[str, Any]] = {stage: dict(values) for stage, values in TINY.items()}  # type: ignore[call-overload]
    longer = {stage: {**tiny[stage], **more, "checkpoint_every": 2, "threads": 1} for stage, more in LONGER.items()}
    few = SamplingPlan(prompts=8, rankings=1)
    return RoundPlan(settings={**tiny, **longer}, overlap=OVERLAP, candidates=few, samples=few, evaluate=False)


def play(
    engine: Engine, here: Site, crew: Crew, project: int, given: argparse.Namespace
) -> tuple[dict[str, Counter[str]], list[dict[str, bool]]]:
    """What was killed while people ranked and while models were trained, and what was learned alike."""
    from tests.app.rounds.test_loop import do_runs

    plan, share = tiny_plan(), given.kills // given.rounds
    killed: dict[str, Counter[str]] = {"labeling": Counter(), "training": Counter()}
    learned = []
    collecting = begin(engine, project, plan)
    do_runs(engine, here.home / "files")
    for turn in range(given.rounds):
        seed = given.seed + turn
        killed["labeling"] += label(engine, here, crew, share // 3, seed)
        here.await_web()
        if turn == 0:
            patiently(lambda: stop(engine, collecting))
        say(f"round {turn + 1}: {len(crew.acknowledged)} rankings, {crew.resent} requests sent again")
        existing = plan.model_copy(update={"rankings": "existing"})
        fell, same = train(engine, here, project, existing, share - share // 3, seed)
        killed["training"] += fell
        learned += same
        say(f"round {turn + 1}: {dict(fell)}, {same}")
    return killed, learned


def stop(engine: Engine, number: int) -> None:
    """The round that was there to collect, before it learns."""
    with transaction(engine) as session:
        cancel_round(session, session.get_one(Round, number))


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
