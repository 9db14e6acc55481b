"""What runs beside the worker's runs survives what goes wrong."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from app.db import transaction
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan
from app.rounds.service import start_round
from app.runs.models import Run, RunState, Stage, Worker
from app.runs.needs import Capacity, Needs
from app.runs.service import enqueue_run
from app.runs.workers import workers
from app.worker import machine, working
from app.worker.machine import Machine, free_memory, named, this_machine, trouble_with
from app.worker.working import (
    Duty,
    beside,
    do_jobs,
    facts_of,
    look_after_rounds,
    next_claim,
    stay_known,
)
from tests.factories import make_project


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "RETRY_AFTER", 0.1)
    monkeypatch.setattr(working, "LOOK_EVERY", 0.1)


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within 30 seconds"
        time.sleep(0.05)


def rename(engine: Engine, table: str, name: str) -> None:
    with transaction(engine) as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


HERE = Machine("here:1-ab", "here", 1, "CPU", 2, Capacity(memory=1_000, labels=("quiet",)))


def queue(engine: Engine, **needs: object) -> int:
    with transaction(engine) as session:
        run = enqueue_run(session, make_project(session), Stage.PRETRAIN, {"texts": "x.jsonl"}, needs=Needs(**needs))
        return run.id


def test_workers_share_the_queue_and_each_takes_what_it_can(fresh_database: Engine, tmp_path: Path) -> None:
    plain = [queue(fresh_database) for _ in range(6)]
    for_gpu = [queue(fresh_database, gpu=True) for _ in range(2)]
    with_gpu = replace(HERE, name="there:2-cd", capacity=Capacity(gpus=1, memory=1_000, gpu_memory=10_000))
    duties = [Duty(fresh_database, tmp_path, HERE), Duty(fresh_database, tmp_path, with_gpu)]

    def take_all(duty: Duty) -> list[int]:
        return [claim.run_id for claim in iter(lambda: next_claim(duty), None)]

    with ThreadPoolExecutor(2) as workers:
        one, other = workers.map(take_all, duties)
    assert sorted(one + other) == plain + for_gpu
    assert not set(one) & set(for_gpu)


def test_a_worker_whose_folder_is_out_of_reach_takes_nothing_and_says_why(
    fresh_database: Engine, tmp_path: Path
) -> None:
    (tmp_path / "files").write_text("no folder")
    number = queue(fresh_database)
    duty = Duty(fresh_database, tmp_path / "files", HERE)
    assert next_claim(duty) is None
    with transaction(fresh_database) as session:
        assert session.get_one(Run, number).state is RunState.QUEUED
    assert "is out of reach" in facts_of(HERE, duty.files)["trouble"]


def test_a_full_disk_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trouble_with(tmp_path / "files") is None
    monkeypatch.setattr(machine, "LEAST_FREE", 1 << 62)
    assert "The disk is full" in (trouble_with(tmp_path / "files") or "")


def test_a_worker_is_known_while_it_works_and_takes_its_leave(
    fresh_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "SPEAK_EVERY", 0.1)

    def known() -> list[Worker]:
        with transaction(fresh_database) as session:
            return [each.worker for each in workers(session)]

    stopping = threading.Event()
    with beside("presence", stay_known, Duty(fresh_database, tmp_path, HERE), stopping):
        wait_until(lambda: len(known()) == 1)
        first = known()[0]
        wait_until(lambda: known()[0].heartbeat_at > first.heartbeat_at)
        stopping.set()
    assert (first.host, first.labels, first.trouble, known()) == ("here", ["quiet"], None, [])


def test_this_machine_says_what_it_has() -> None:
    here, again = this_machine(["big"]), this_machine()
    assert here.name != again.name
    assert here.capacity.labels == ("big",)
    assert 0 < free_memory() <= here.capacity.memory
    assert named([("H100", 80_000), ("H100", 80_000), ("T4", 16_000)]) == "2 x H100, T4"
    assert named([]) == "CPU"


def test_rounds_are_looked_after_again_when_the_trouble_is_over(
    fresh_database: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def state() -> RoundState | None:
        with transaction(fresh_database) as session:
            return session.scalar(select(Round.state))

    with transaction(fresh_database) as session:
        start_round(session, make_project(session), RoundPlan())
    stopping = threading.Event()
    rename(fresh_database, "runs", "gone")
    with beside("rounds", look_after_rounds, fresh_database, tmp_path, stopping):
        wait_until(lambda: "Rounds are not looked after" in caplog.text)
        assert state() is RoundState.RUNNING
        rename(fresh_database, "gone", "runs")
        wait_until(lambda: state() is RoundState.FAILED)  # as one without demonstrations does
        stopping.set()


def test_jobs_are_done_again_when_the_trouble_is_over(fresh_database: Engine, caplog: pytest.LogCaptureFixture) -> None:
    def workers() -> int:
        with transaction(fresh_database) as session:
            return session.scalar(text("SELECT count(*) FROM procrastinate_workers")) or 0

    stopping = threading.Event()
    rename(fresh_database, "procrastinate_workers", "gone")
    with beside("jobs", do_jobs, fresh_database, stopping):
        wait_until(lambda: "Small jobs are not done" in caplog.text)
        rename(fresh_database, "gone", "procrastinate_workers")
        wait_until(lambda: workers() == 1)
        stopping.set()
