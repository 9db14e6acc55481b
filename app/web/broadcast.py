"""What happens to runs, handed on to every page that is open: one listening connection for all of a process's readers.

The database tells (`app.runs.telling`); what is told holds the numbers themselves, so that a line of metrics costs no
query however many look on. Only a new glimpse of a run is read, once for everybody.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Literal

import psycopg
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.runs.glimpses import glimpse_of
from app.runs.queries import run_by_id
from app.runs.telling import RUNS, Kind

Topic = tuple[Literal["run", "project"], int]
Letters = asyncio.Queue[str | None]

MOST_WAITING = 500  # letters to one reader; one who is slower than that reads everything again
STREAM_SECONDS = 300.0  # then the browser asks anew, and whether it still may is looked at again
PING_SECONDS = 15.0  # for proxies that close what is silent
RETRY_AFTER = 1.0

logger = logging.getLogger(__name__)


def letter(kind: str, facts: object) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(facts)}\n\n"


class Broadcast:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.readers: dict[Topic, set[Letters]] = defaultdict(set)
        self.listening: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def stream(self, topic: Topic) -> AsyncIterator[str]:
        """Server-sent events for one reader, until it is time to ask anew."""
        end = monotonic() + STREAM_SECONDS
        with self._following(topic) as letters:
            yield f"retry: {int(RETRY_AFTER * 1000)}\n\n"
            while monotonic() < end:
                try:
                    first = await asyncio.wait_for(letters.get(), PING_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                waiting = [first, *(letters.get_nowait() for _ in range(letters.qsize()))]
                yield "".join(each for each in waiting if each)
                if None in waiting:
                    return

    def close(self) -> None:
        """Let every reader go, so that the server can end; from any thread, or from a signal's handler."""
        if self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._let_go)

    @contextmanager
    def _following(self, topic: Topic) -> Iterator[Letters]:
        letters: Letters = asyncio.Queue(MOST_WAITING)
        self.readers[topic].add(letters)
        if self.listening is None or self.listening.done():
            self.loop = asyncio.get_running_loop()
            self.listening = asyncio.create_task(self._listen())
        try:
            yield letters
        finally:
            self.readers[topic].discard(letters)
            if not self.readers[topic]:
                del self.readers[topic]
            if not self.readers:
                self.listening.cancel()

    async def _listen(self) -> None:
        """As long as anybody reads. After a silence nobody knows what was missed."""
        address = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            with suppress(psycopg.OperationalError):
                async with await psycopg.AsyncConnection.connect(address, autocommit=True) as ear:
                    await ear.execute(f"LISTEN {RUNS}")
                    self._send_to_all(letter(Kind.STALE, {}))
                    async for told in ear.notifies():
                        await self._hand_on(json.loads(told.payload))
            logger.warning("The database does not tell of runs; asking again in %s s", RETRY_AFTER)
            await asyncio.sleep(RETRY_AFTER)

    async def _hand_on(self, told: dict[str, Any]) -> None:
        topics: tuple[Topic, ...] = (("run", told["run"]), ("project", told["project"]))
        readers = [letters for topic in topics for letters in self.readers.get(topic, ())]
        if not readers:
            return
        facts = {"run": told["run"], **told["facts"]}
        if told["kind"] == Kind.GLIMPSE:
            facts |= await run_in_threadpool(self._glimpse, told["run"])
        for letters in readers:
            _send(letters, letter(told["kind"], facts))

    def _glimpse(self, run: int) -> dict[str, Any]:
        with Session(self.engine) as session:
            seen = glimpse_of(session, run_by_id(session, run))
            return {"outputs": seen.outputs, "log": seen.log} if seen else {}

    def _send_to_all(self, text: str | None) -> None:
        for readers in self.readers.values():
            for letters in readers:
                _send(letters, text)

    def _let_go(self) -> None:
        self._send_to_all(None)


def _send(letters: Letters, text: str | None) -> None:
    if letters.full():
        while not letters.empty():
            letters.get_nowait()
        letters.put_nowait(letter(Kind.STALE, {}))
    letters.put_nowait(text)
