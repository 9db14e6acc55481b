"""Connections over several processes: who keeps too many, and how they are told to go."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from app.web.balance import ABSENT, Balanced, Client, Ledger, blank_ledger
from tests.loops import awaited


@pytest.fixture
def ledgers() -> Iterator[list[Ledger]]:
    with blank_ledger(3) as file:
        yield [Ledger(file.fileno(), place) for place in range(2)]


def test_one_more_than_the_others_is_not_too_many(ledgers: list[Ledger]) -> None:
    here, there = ledgers
    here.come(("browser", 1))
    assert not here.is_one_too_many(("browser", 1))
    here.come(("browser", 2))
    assert here.is_one_too_many(("browser", 1))
    there.come(("browser", 3))
    assert not here.is_one_too_many(("browser", 1))


def test_a_process_that_is_not_there_asks_for_nothing(ledgers: list[Ledger]) -> None:
    here, there = ledgers
    assert list(here.numbers) == [0, 0, ABSENT]
    here.come(("browser", 1))
    here.come(("browser", 2))
    there.leave()
    assert not here.is_one_too_many(("browser", 1))


def test_one_that_was_told_to_go_counts_once(ledgers: list[Ledger]) -> None:
    here, there = ledgers
    for port in range(4):
        here.come(("browser", port))
    there.come(("browser", 9))
    answers = [_answer(here, ("browser", port)) for port in (0, 0, 1, 2, 3)]
    assert [b"connection" in dict(answer["headers"]) for answer in answers] == [True, False, True, False, False]
    here.go(("browser", 0))
    assert list(there.numbers)[:2] == [2, 1]


def _answer(ledger: Ledger, client: Client) -> Message:
    """How the answer to a request over this connection begins."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": list(client)}
    awaited(Balanced(PlainTextResponse("hello"), ledger)(scope, receive, send))
    return sent[0]
