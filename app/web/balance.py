"""Connections spread evenly over the processes behind one door.

The kernel gives a new connection to whichever process asks first, and a browser keeps its connection for minutes: of
fifty labelers one process may serve two thirds, who wait twice as long as the others. So each process tells the others
how many connections it keeps, and one that keeps two more than another says `Connection: close` with its next answer.
The browser then opens a new connection, until the numbers are even.
"""

import asyncio
import mmap
import struct
import tempfile
from typing import IO, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

ABSENT = -1  # of a process that takes no connections
EVEN = 1  # by so many the numbers may differ

Client = tuple[str, int]  # its address and port


def blank_ledger(processes: int) -> IO[bytes]:
    """An open file without a name for the numbers of as many processes, none of which is there yet."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (whoever takes it closes it)
    file.write(struct.pack("i", ABSENT) * processes)
    file.flush()
    return file


class Ledger:
    """How many connections each process keeps, in memory that all of them see; for one thread of each."""

    def __init__(self, file: int, place: int) -> None:
        """`file` is a blank ledger's descriptor; `place` in it is this process's alone."""
        self.numbers = memoryview(mmap.mmap(file, 0)).cast("i")
        self.place = place
        self.kept = set[Client]()
        self.tell()

    def tell(self) -> None:
        self.numbers[self.place] = len(self.kept)

    def come(self, client: Client) -> None:
        self.kept.add(client)
        self.tell()

    def go(self, client: Client) -> None:
        self.kept.discard(client)
        self.tell()

    def is_one_too_many(self, client: Client) -> bool:
        others = [number for place, number in enumerate(self.numbers) if place != self.place and number != ABSENT]
        return client in self.kept and len(self.kept) > min(others, default=len(self.kept)) + EVEN

    def leave(self) -> None:
        """The others share among themselves from now on."""
        self.numbers[self.place] = ABSENT


class Balanced:
    """Ends connections of which this process has too many, each with its next answer."""

    def __init__(self, app: ASGIApp, ledger: Ledger) -> None:
        self.app = app
        self.ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")

        async def ending(message: Message) -> None:
            if message["type"] == "http.response.start" and client and self.ledger.is_one_too_many(tuple(client)):
                self.ledger.go(tuple(client))
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self.app(scope, receive, ending)


def counting(ledger: Ledger) -> type[asyncio.Protocol]:
    """uvicorn's own way to speak HTTP, which enters each connection into the ledger."""

    class Counted(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if self.client:
                ledger.come(self.client)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client:
                ledger.go(self.client)
            super().connection_lost(exc)

    return Counted
