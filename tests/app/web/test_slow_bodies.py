"""Who sends slowly is told so after a while, and keeps no database session from the others; over a real socket."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.sessions import begin_session
from app.db import transaction
from app.projects.guidelines import acknowledge
from app.projects.models import Guidelines
from app.web import security
from app.web.dependencies import AT_A_TIME, SESSIONS_AT_ONCE
from tests.browser.live import live
from tests.factories import make_assignment, make_labeler

PATIENCE = 3.0


@pytest.fixture
def site(fresh_database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(security, "PATIENCE_SECONDS", PATIENCE)
    with live(fresh_database) as address:
        yield address


@pytest.fixture
def cookie(fresh_database: Engine) -> str:
    with transaction(fresh_database) as session:
        return f"rondo-session={_signed_in(session)}"


def _signed_in(session: Session) -> str:
    return begin_session(session, make_labeler(session))


def begin_to_send(site: str, path: str, cookie: str) -> socket.socket:
    """A post of which the last bytes never come."""
    connection = socket.create_connection((urlsplit(site).hostname, urlsplit(site).port), timeout=60)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\ncontent-length: 500\r\n"
    connection.sendall(f"{head}content-type: application/x-www-form-urlencoded\r\n\r\ntext=slow".encode())
    return connection


def answer(connection: socket.socket) -> str:
    received = b""
    while piece := connection.recv(65536):
        received += piece
        if b"</html>" in received:
            break
    return received.decode()


@pytest.mark.parametrize("path", ["/tasks/next", "/sign-in"])
def test_a_form_that_does_not_arrive_is_answered_with_a_sentence(site: str, cookie: str, path: str) -> None:
    with begin_to_send(site, path, cookie) as connection:
        said = answer(connection)
    assert said.startswith("HTTP/1.1 408")
    assert "took too long to arrive" in said


def test_slow_senders_do_not_keep_the_others_out_for_long(site: str, cookie: str) -> None:
    with ExitStack() as slow:
        for _ in range(SESSIONS_AT_ONCE + 6):
            slow.enter_context(begin_to_send(site, "/tasks/next", cookie))
        page = httpx.get(f"{site}/tasks", headers={"cookie": cookie}, timeout=60)
    assert page.status_code == 200
    assert page.elapsed.total_seconds() < 3 * PATIENCE + 5


def test_slow_senders_take_nobodys_turn_at_a_desk(site: str, fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        desk = f"/assignments/{make_assignment(session, labeler).id}"
        acknowledge(session, session.scalars(select(Guidelines)).one(), labeler)
        cookie = f"rondo-session={begin_session(session, labeler)}"
    with ExitStack() as slow:
        for _ in range(AT_A_TIME + 1):
            slow.enter_context(begin_to_send(site, f"{desk}/submit", cookie))
        page = httpx.get(site + desk, headers={"cookie": cookie}, timeout=60)
        assert page.status_code == 200
        assert page.elapsed.total_seconds() < PATIENCE


def test_who_leaves_while_sending_is_no_failure_of_ours(
    site: str, cookie: str, caplog: pytest.LogCaptureFixture
) -> None:
    with begin_to_send(site, "/tasks/next", cookie):
        pass
    assert httpx.get(f"{site}/tasks", headers={"cookie": cookie}, timeout=60).status_code == 200
    assert [record for record in caplog.records if record.exc_info] == []
