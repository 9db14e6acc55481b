"""Receivers on this machine, which settings have to allow, and jobs whose pauses are over."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from app import jobs
from app.config import settings
from tests.receiver import Mailbox, Receiver, mail_server, receiver


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RONDO_PUBLIC_URL", "https://rondo.example.org")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("RONDO_WEBHOOK_HOSTS", "127.0.0.0/8")
    settings.cache_clear()
    with receiver() as found:
        yield found


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as found:
        for name, value in {
            "HOST": "127.0.0.1",
            "PORT": str(found.port),
            "SECURITY": "none",
            "FROM": "Rondo <rondo@example.org>",
        }.items():
            monkeypatch.setenv(f"RONDO_SMTP_{name}", value)
        settings.cache_clear()
        yield found


@pytest.fixture
def deliver_now(fresh_database: Engine) -> Callable[[], int]:
    """Does what is queued, pauses skipped; says how many jobs are left for later."""

    def deliver() -> int:
        with fresh_database.begin() as connection:
            connection.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'"))
        jobs.run_due_jobs(fresh_database)
        left = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND task_name ~ '^notifications'")
        with fresh_database.connect() as connection:
            return int(connection.execute(left).scalar_one())

    return deliver
