"""What runs beside the worker's runs survives what goes wrong."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from app.db import transaction
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan
from app.rounds.service import start_round
from app.worker import working
from app.worker.working import beside, do_jobs, look_after_rounds
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
