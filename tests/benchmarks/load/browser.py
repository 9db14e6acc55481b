"""A lean browser on one kept-alive connection: just enough HTTP/1.1, so that the client is not what is measured.

It keeps cookies, takes compressed pages, follows the redirect after a form, and times every answer from the first byte
sent to the last byte received.
"""

import asyncio
import re
import time
import zlib
from dataclasses import dataclass, field
from typing import Self

NAVIGATION = "accept: text/html\r\naccept-encoding: gzip\r\naccept-language: en\r\nuser-agent: desk_load\r\n"
GZIP = 31  # zlib's window bits that make it expect gzip's header
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class ServerMisbehaved(Exception):
    """The connection broke, or what came back is not HTTP as this browser speaks it."""


@dataclass(frozen=True)
class Answer:
    path: str
    status: int
    headers: dict[str, str]
    body: str
    seconds: float

    @property
    def csrf_token(self) -> str:
        found = CSRF.search(self.body)
        if found is None:
            raise ServerMisbehaved(f"no form on {self.path}, status {self.status}")
        return found[1]


@dataclass
class Browser:
    """One labeler's browser. All methods raise `ServerMisbehaved` and `OSError`."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._hang_up()

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path)

    async def post(self, path: str, form: str) -> Answer:
        """`form` is URL-encoded already. The answer is the server's own, redirects are not followed."""
        return await self._ask("POST", path, form.encode("ascii"))

    async def post_and_follow(self, path: str, form: str) -> Answer:
        answer = await self.post(path, form)
        return await self.get(answer.headers["location"]) if answer.status == 303 else answer

    async def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """A kept connection that the server hangs up on at this very moment is replaced, as browsers do it."""
        started = time.perf_counter()
        kept = self._streams is not None
        try:
            status, headers, content = await self._exchange(method, path, body)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self._hang_up()
            if not kept:
                raise ServerMisbehaved(f"{method} {path}: {type(error).__name__}") from error
            return await self._ask(method, path, body)
        seconds = time.perf_counter() - started
        if headers.get("connection") == "close":
            self._hang_up()
        packed = headers.get("content-encoding") == "gzip"
        text = (zlib.decompress(content, GZIP) if packed else content).decode()
        return Answer(path, status, headers, text, seconds)

    async def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        writer.write(self._head(method, path, body) + body)
        status, headers = self._understand((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        return status, headers, await reader.readexactly(int(headers.get("content-length", 0)))

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _head(self, method: str, path: str, body: bytes) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\n{NAVIGATION}"
        if self.cookies:
            head += "cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()) + "\r\n"
        if method == "POST":
            head += f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n"
        return (head + "\r\n").encode("latin-1")

    def _understand(self, head: str) -> tuple[int, dict[str, str]]:
        first, *lines = head.rstrip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
            if name.lower() == "set-cookie":
                self._keep_cookie(value)
        return int(first.split(" ")[1]), headers

    def _keep_cookie(self, written: str) -> None:
        pair, *attributes = written.split("; ")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
