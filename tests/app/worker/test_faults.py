"""Workers and trainers are killed while a model is trained; what comes out is what comes out undisturbed.

The long form, over whole rounds and with the database's server killed too, is `tests.benchmarks.faults`.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from app.checkpoints.models import Checkpoint
from app.db import transaction
from app.runs.models import Run, RunState, Stage
from app.runs.queries import run_by_id
from app.runs.service import enqueue_run
from tests.benchmarks.faults import steps_said, weights_of
from tests.benchmarks.killing.site import site
from tests.factories import make_project
from trainer.records import TextRecord, write_lines

SMALL = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "vocabulary": 300, "block": 16, "batch": 4}
PATIENCE = 240  # seconds, on a machine that is busy with other things


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    texts = tmp_path / "texts.jsonl"
    write_lines(texts, (TextRecord(f"The number {number} is followed by {number + 1}.") for number in range(60)))
    return {**SMALL, "texts": str(texts), "epochs": 30, "checkpoint_every": 25, "threads": 1}


def queue(engine: Engine, settings: dict[str, object]) -> int:
    with transaction(engine) as session:
        return enqueue_run(session, make_project(session), Stage.PRETRAIN, settings).id


def when(engine: Engine, number: int, happened: Callable[[Run], bool]) -> Run:
    """The run as soon as it is so."""
    end = time.monotonic() + PATIENCE
    while True:
        with transaction(engine) as session:
            run = run_by_id(session, number)
        if happened(run):
            return run
        assert run.state is not RunState.FAILED, run.error
        assert time.monotonic() < end, f"run {number} is {run.state} at {run.progress}"
        time.sleep(0.05)


def kill(kind: Callable[[Run], bool], engine: Engine, number: int, attempt: int, beyond: float) -> float:
    """In the given attempt, once it has come further; how far that was."""
    run = when(engine, number, lambda run: run.attempts == attempt and run.progress > beyond)
    assert run.state is RunState.RUNNING, "it was over before it could be killed"
    assert kind(run)
    return run.progress


def test_kills_change_nothing_of_what_is_learned(
    fresh_database: Engine, tmp_path: Path, settings: dict[str, object]
) -> None:
    url = fresh_database.url.render_as_string(hide_password=False)
    with site(tmp_path, url, workers=2) as here:
        undisturbed = queue(fresh_database, settings)
        plain = when(fresh_database, undisturbed, lambda run: run.state is RunState.FINISHED)
        number = queue(fresh_database, settings)
        reached = kill(here.kill_trainer, fresh_database, number, attempt=1, beyond=0)
        kill(here.kill_worker, fresh_database, number, attempt=2, beyond=reached)
        run = when(fresh_database, number, lambda run: run.state is RunState.FINISHED)
    assert run.attempts == 3
    assert weights_of(tmp_path / "files", run) == weights_of(tmp_path / "files", plain)
    assert steps_said(fresh_database, run) == steps_said(fresh_database, plain)
    with transaction(fresh_database) as session:
        assert session.scalar(select(func.count()).select_from(Checkpoint)) == 2
