"""A run whose processes a launcher starts, as `rondo worker --launch "torchrun --nproc-per-node 2"` does."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

from sqlalchemy import Engine, select

from app.db import transaction
from app.rounds.advancing import advance_unfinished_rounds
from app.rounds.models import RoundRun
from app.rounds.plan import RoundPlan, Step
from app.rounds.service import start_round
from app.runs.models import Run, RunState
from app.runs.service import claim_next_run, request_pause, resume_run
from app.worker.execution import end_leftovers, execute
from tests.app.rounds.test_loop import TINY, prepare
from tests.app.worker.test_execution import await_steps

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def test_several_processes_share_a_run_and_stop_with_a_checkpoint(fresh_database: Engine, tmp_path: Path) -> None:
    settings = {stage: {**values} for stage, values in TINY.items()}
    settings["sft"] |= {"epochs": 300, "checkpoint_every": 0, "threads": 1}
    with transaction(fresh_database) as session:
        turn = start_round(session, prepare(session), RoundPlan(aim="sft", settings=settings)).id

    def work() -> None:
        advance_unfinished_rounds(fresh_database, tmp_path)
        with transaction(fresh_database) as session:
            claim = claim_next_run(session, "test:1")
        assert claim
        execute(fresh_database, tmp_path, claim, threading.Event(), TORCHRUN)

    def tuned() -> Run:
        with transaction(fresh_database) as session:
            link = select(RoundRun.run_id).where(RoundRun.round_id == turn, RoundRun.step == Step.SFT)
            return session.get_one(Run, session.scalars(link).one())

    work()  # pretraining, which runs in one process
    advance_unfinished_rounds(fresh_database, tmp_path)
    run = tuned()
    working = threading.Thread(target=work)
    working.start()
    await_steps(fresh_database, run.id)
    with transaction(fresh_database) as session:
        request_pause(session, session.get_one(Run, run.id))
    working.join()
    assert tuned().state is RunState.PAUSED
    checkpoints = tmp_path / run.location / "checkpoints"
    assert len(list(checkpoints.glob("step-*"))) == 1
    with transaction(fresh_database) as session:
        resume_run(session, session.get_one(Run, run.id))
    work()
    assert (tuned().state, tuned().error) == (RunState.FINISHED, None)


def test_what_a_launcher_left_behind_is_ended_before_the_next_try(tmp_path: Path) -> None:
    asleep = [sys.executable, "-c", "import time; time.sleep(600)", "-m", "trainer", "sft"]
    ours, other = (subprocess.Popen([*asleep, str(tmp_path / name)]) for name in ("1-sft", "2-sft"))
    try:
        end_leftovers(tmp_path / "1-sft")
        assert ours.wait(20) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
