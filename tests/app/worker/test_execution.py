"""Real trainer processes: followed, cancelled, given back, killed."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.db import transaction
from app.runs.models import Run, RunGlimpse, RunMetric, RunState, Stage
from app.runs.queries import run_by_id
from app.runs.service import (
    MOST_ATTEMPTS,
    Wish,
    claim_next_run,
    enqueue_run,
    request_cancel,
    request_pause,
    resume_run,
)
from app.worker import machine
from app.worker.execution import IN_PROCESSES, execute
from app.worker.folders import MetricsFile
from app.worker.following import Follower, OutOfReach
from tests.factories import make_project
from trainer.__main__ import SHARED
from trainer.folder import RunFolder
from trainer.records import TextRecord, write_lines

SMALL = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "vocabulary": 300, "block": 16, "batch": 4}


@pytest.fixture
def texts(tmp_path: Path) -> str:
    path = tmp_path / "texts.jsonl"
    write_lines(path, (TextRecord(f"The number {number} is followed by {number + 1}.") for number in range(60)))
    return str(path)


def queue(engine: Engine, **settings: object) -> int:
    with transaction(engine) as session:
        return enqueue_run(session, make_project(session), Stage.PRETRAIN, {**SMALL, **settings}).id


def run_of(engine: Engine, number: int) -> Run:
    with transaction(engine) as session:
        return run_by_id(session, number)


def begin(engine: Engine, files: Path, stopping: threading.Event | None = None) -> threading.Thread:
    """What a worker does with the next run, in a thread."""
    with transaction(engine) as session:
        claim = claim_next_run(session, "test:1")
    assert claim is not None
    thread = threading.Thread(target=execute, args=(engine, files, claim, stopping or threading.Event()))
    thread.start()
    return thread


def await_steps(engine: Engine, number: int) -> None:
    for _ in range(600):
        with transaction(engine) as session:
            if session.scalar(select(RunMetric.step).where(RunMetric.run_id == number).limit(1)):
                return
        time.sleep(0.1)
    raise AssertionError("the trainer took no step within a minute")


def test_a_finished_run_leaves_a_checkpoint_with_its_digest_and_metrics(
    fresh_database: Engine, tmp_path: Path, texts: str
) -> None:
    number = queue(fresh_database, texts=texts, epochs=1)
    begin(fresh_database, tmp_path).join()
    run = run_of(fresh_database, number)
    assert (run.state, run.error, run.progress) == (RunState.FINISHED, None, 1.0)
    with transaction(fresh_database) as session:
        made = session.get_one(Checkpoint, run.produced_checkpoint_id)
        assert (made.kind, made.location) == (CheckpointKind.BASE, f"runs/{number}-pretrain/model")
        assert len(made.digest) == 64
        assert made.metrics["loss"] > 0


def test_a_trainer_that_refuses_its_input_fails_with_its_own_sentence(fresh_database: Engine, tmp_path: Path) -> None:
    number = queue(fresh_database, texts="nowhere.jsonl")
    begin(fresh_database, tmp_path).join()
    run = run_of(fresh_database, number)
    assert run.state is RunState.FAILED
    assert "nowhere.jsonl" in run.error
    assert "nowhere.jsonl" in run.log_tail


def test_cancelling_stops_the_trainer(fresh_database: Engine, tmp_path: Path, texts: str) -> None:
    number = queue(fresh_database, texts=texts, epochs=100_000)
    working = begin(fresh_database, tmp_path)
    await_steps(fresh_database, number)
    with transaction(fresh_database) as session:
        request_cancel(session, run_by_id(session, number))
    working.join()
    assert run_of(fresh_database, number).state is RunState.CANCELLED


def test_a_worker_that_stops_gives_its_run_back_and_the_next_goes_on_from_the_checkpoint(
    fresh_database: Engine, tmp_path: Path, texts: str
) -> None:
    number = queue(fresh_database, texts=texts, epochs=40, checkpoint_every=5)
    stopping = threading.Event()
    working = begin(fresh_database, tmp_path, stopping)
    await_steps(fresh_database, number)
    stopping.set()
    working.join()
    run = run_of(fresh_database, number)
    assert run.state is RunState.QUEUED
    before = run.progress
    begin(fresh_database, tmp_path).join()
    run = run_of(fresh_database, number)
    assert (run.state, run.attempts) == (RunState.FINISHED, 1)
    assert before < 1
    steps = steps_of(fresh_database, number)
    assert steps == list(range(1, len(steps) + 1))


def steps_of(engine: Engine, number: int) -> list[int]:
    with transaction(engine) as session:
        return list(session.scalars(select(RunMetric.step).where(RunMetric.run_id == number).order_by(RunMetric.step)))


def test_a_killed_trainer_is_tried_again_from_its_checkpoint(
    fresh_database: Engine, tmp_path: Path, texts: str
) -> None:
    number = queue(fresh_database, texts=texts, epochs=40, checkpoint_every=5)
    working = begin(fresh_database, tmp_path)
    await_steps(fresh_database, number)
    os.kill(_trainer_in(tmp_path / f"runs/{number}-pretrain"), signal.SIGKILL)
    working.join()
    run = run_of(fresh_database, number)
    assert (run.state, run.error) == (RunState.QUEUED, "The trainer was killed (SIGKILL).")
    begin(fresh_database, tmp_path).join()
    run = run_of(fresh_database, number)
    assert (run.state, run.error, run.attempts) == (RunState.FINISHED, None, 2)
    steps = steps_of(fresh_database, number)
    assert steps == list(range(1, len(steps) + 1))


def test_a_paused_run_stops_with_a_checkpoint_and_goes_on_from_there(
    fresh_database: Engine, tmp_path: Path, texts: str
) -> None:
    number = queue(fresh_database, texts=texts, epochs=40)
    working = begin(fresh_database, tmp_path)
    await_steps(fresh_database, number)
    with transaction(fresh_database) as session:
        request_pause(session, run_by_id(session, number))
    working.join()
    run = run_of(fresh_database, number)
    assert (run.state, run.worker) == (RunState.PAUSED, None)
    reached = steps_of(fresh_database, number)[-1]
    assert (tmp_path / f"runs/{number}-pretrain/checkpoints/step-{reached:07}").is_dir()
    with transaction(fresh_database) as session:
        resume_run(session, run_by_id(session, number))
    begin(fresh_database, tmp_path).join()
    assert run_of(fresh_database, number).state is RunState.FINISHED
    steps = steps_of(fresh_database, number)
    assert steps == list(range(1, len(steps) + 1))


def test_a_full_disk_is_reported_beside_the_error_that_it_caused(
    fresh_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "LEAST_FREE", 1 << 62)
    number = queue(fresh_database, texts="nowhere.jsonl")
    begin(fresh_database, tmp_path).join()
    run = run_of(fresh_database, number)
    assert run.state is RunState.FAILED
    assert run.error
    assert run.error.startswith("The disk is full: ")
    assert "nowhere.jsonl" in run.error


def test_files_out_of_reach_are_tried_again_and_then_reported(fresh_database: Engine, tmp_path: Path) -> None:
    number = queue(fresh_database, texts="texts.jsonl")
    (tmp_path / "gone").write_text("no folder")
    for _ in range(MOST_ATTEMPTS):
        assert run_of(fresh_database, number).state is RunState.QUEUED
        begin(fresh_database, tmp_path / "gone").join()
    run = run_of(fresh_database, number)
    assert run.state is RunState.FAILED
    assert run.error
    assert "The run folder could not be made" in run.error
    assert "Not a directory" in run.error


def test_what_a_run_writes_is_seen_while_it_runs(fresh_database: Engine, tmp_path: Path, texts: str) -> None:
    number = queue(fresh_database, texts=texts, epochs=100_000)
    folder = tmp_path / f"runs/{number}-pretrain"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("Hello\n")
    (folder / "rollouts.jsonl").write_text(
        '{"step": 0, "prompt_id": "7", "completion": "A\\u0000B", "score": 0.5}\n{"ste'
    )
    stopping = threading.Event()
    working = begin(fresh_database, tmp_path, stopping)
    await_steps(fresh_database, number)
    stopping.set()
    working.join()
    with transaction(fresh_database) as session:
        seen = session.get_one(RunGlimpse, number)
    assert seen.log.startswith("Hello\n")
    assert seen.outputs == [{"step": 0, "prompt_id": "7", "completion": "A\N{REPLACEMENT CHARACTER}B", "score": 0.5}]


def test_the_database_may_be_away_for_a_while(fresh_database: Engine, tmp_path: Path) -> None:
    number = queue(fresh_database, texts="texts.jsonl")
    with transaction(fresh_database) as session:
        claim = claim_next_run(session, "test:1")
    assert claim
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    time_now = [0.0]
    nobody = create_engine("postgresql+psycopg://nobody@/nothing?host=/nowhere")
    follower = Follower(nobody, claim, tmp_path, lease=60, clock=lambda: time_now[0])
    assert follower.look() is Wish.GO_ON
    time_now[0] = 39.0
    assert follower.look() is Wish.GO_ON
    follower.engine = fresh_database
    assert follower.look() is Wish.GO_ON
    assert steps_of(fresh_database, number) == [1]
    follower.engine = nobody
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n')
    time_now[0] = 80.0
    with pytest.raises(OutOfReach):
        follower.look()


def test_only_stages_that_share_their_work_are_launched_in_several_processes() -> None:
    assert tuple(stage.value for stage in IN_PROCESSES) == SHARED


def _trainer_in(folder: Path) -> int:
    """The process whose command line names the run's folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            return int(process.name)
    raise AssertionError(f"nothing trains in {folder}")


def test_half_a_line_of_metrics_waits_for_its_other_half(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path)
    assert metrics.new_lines() == []
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"st')
    assert metrics.new_lines() == [{"step": 1}]
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('ep": 2}\n')
    assert metrics.new_lines() == [{"step": 2}]


def test_metrics_that_a_resume_wrote_anew_are_read_from_their_beginning(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append_metrics({"step": step})
    metrics = MetricsFile(tmp_path)
    assert len(metrics.new_lines()) == 3
    folder.forget_metrics_after(1)
    for step in (2, 3, 4):  # the file is longer than it was before anybody looks
        folder.append_metrics({"step": step, "loss": 0.25})
    assert [line["step"] for line in metrics.new_lines()] == [1, 2, 3, 4]
    assert metrics.new_lines() == []
