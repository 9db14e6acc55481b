"""What is told of runs reaches every reader, over one connection, without a query for each of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine, event, text

from app.accounts.models import Role
from app.accounts.sessions import begin_session
from app.db import transaction
from app.runs.glimpses import keep_glimpse
from app.runs.metrics import record_metrics
from app.runs.models import Stage
from app.runs.service import Claim, claim_next_run, enqueue_run, finish_run
from app.web import broadcast
from app.web.broadcast import MOST_WAITING, Broadcast, letter
from tests.browser.live import live
from tests.factories import make_project, make_user
from tests.loops import awaited

READERS = 50


def claimed(engine: Engine) -> Claim:
    with transaction(engine) as session:
        enqueue_run(session, make_project(session), Stage.PRETRAIN, {"texts": "texts.jsonl"})
    with transaction(engine) as session:
        claim = claim_next_run(session, "mill:7")
    assert claim
    return claim


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Every statement that goes through the engine."""
    statements: list[str] = []
    count = lambda *arguments: statements.append(arguments[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", count)
    yield statements
    event.remove(engine, "before_cursor_execute", count)


async def next_of(stream: AsyncIterator[str], kind: str) -> dict[str, object]:
    """The facts of the next event of a kind."""
    while True:
        for told in (await asyncio.wait_for(anext(stream), 20)).split("\n\n"):
            if told.startswith(f"event: {kind}\n"):
                facts: dict[str, object] = json.loads(told.partition("\ndata: ")[2])
                return facts


def test_a_line_reaches_every_reader_without_a_query(fresh_database: Engine) -> None:
    claim = claimed(fresh_database)
    writing = fresh_database.execution_options()

    async def read() -> None:
        hub = Broadcast(fresh_database)
        streams = [hub.stream(("run", claim.run_id)) for _ in range(READERS - 1)]
        streams.append(hub.stream(("project", claim.project_id)))
        await asyncio.gather(*(next_of(each, "stale") for each in streams))
        with counted(fresh_database) as statements:
            await asyncio.to_thread(write, [{"step": 1, "loss": 2.5}])
            wrote = len(statements)
            told = await asyncio.gather(*(next_of(each, "line") for each in streams))
            assert len(statements) == wrote
            assert told == [{"run": claim.run_id, "step": 1, "loss": 2.5}] * READERS
            await asyncio.to_thread(glimpse)
            before = sum("FROM run_glimpses" in each for each in statements)
            seen = await asyncio.gather(*(next_of(each, "glimpse") for each in streams))
            assert [each["log"] for each in seen] == ["the end"] * READERS
            assert sum("FROM run_glimpses" in each for each in statements) - before <= 1
        for each in streams:
            await each.aclose()
        assert hub.readers == {}

    def write(lines: list[dict[str, float]]) -> None:
        with transaction(writing) as session:
            record_metrics(session, claim, lines)

    def glimpse() -> None:
        with transaction(writing) as session:
            keep_glimpse(session, claim, [], "the end")

    awaited(read())


def test_after_a_lost_connection_readers_are_told_to_read_again(
    fresh_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "RETRY_AFTER", 0.05)
    claim = claimed(fresh_database)

    def cut() -> None:
        with transaction(fresh_database) as session:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN rondo_runs%'"
            session.execute(text(others))

    def finish() -> None:
        with transaction(fresh_database) as session:
            finish_run(session, claim, None)

    async def read() -> None:
        stream = Broadcast(fresh_database).stream(("run", claim.run_id))
        await next_of(stream, "stale")
        await asyncio.to_thread(cut)
        await next_of(stream, "stale")
        await asyncio.to_thread(finish)
        assert await next_of(stream, "state") == {"run": claim.run_id}
        await stream.aclose()

    awaited(read())


def test_a_reader_who_is_too_slow_reads_everything_again() -> None:
    async def fill() -> str:
        letters: broadcast.Letters = asyncio.Queue(MOST_WAITING)
        for number in range(MOST_WAITING + 1):
            broadcast._send(letters, letter("line", {"step": number}))
        return "".join(filter(None, (letters.get_nowait() for _ in range(letters.qsize()))))

    assert awaited(fill()) == letter("stale", {}) + letter("line", {"step": MOST_WAITING})


def test_a_server_that_ends_lets_its_readers_go(fresh_database: Engine) -> None:
    claim = claimed(fresh_database)

    async def read() -> list[str]:
        hub = Broadcast(fresh_database)
        stream = hub.stream(("run", claim.run_id))
        await next_of(stream, "stale")
        hub.close()
        return [each async for each in stream]

    assert awaited(read()) == [""]


@pytest.mark.parametrize(("role", "status"), [(Role.RESEARCHER, 200), (Role.LABELER, 403)])
def test_events_are_for_those_who_watch_runs(fresh_database: Engine, role: Role, status: int) -> None:
    claim = claimed(fresh_database)
    with transaction(fresh_database) as session:
        token = begin_session(session, make_user(session, role))
    with live(fresh_database) as address:
        for path in (f"/runs/{claim.run_id}/events", "/runs/999/events"):
            with httpx.stream("GET", address + path, cookies={"rondo-session": token}) as answer:
                missing = path.startswith("/runs/999") and role is Role.RESEARCHER
                assert answer.status_code == (404 if missing else status)
                if answer.status_code == 200:
                    assert answer.headers["content-type"].startswith("text/event-stream")
                    assert "content-encoding" not in answer.headers
                    lines = answer.iter_lines()
                    assert next(line for line in lines if line.startswith("event:")) == "event: stale"
