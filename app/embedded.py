"""Our own PostgreSQL: a supervisor over the binaries of a PyPI package, so that nobody has to install a server.

One process owns the server: it starts it, starts it again when it dies, and the kernel stops it when its owner dies
(Linux). Other processes in the same home use the running server, and the first that sees that nobody owns it any more
brings it back, at the same address. An owner that ends gives the others a while to end too, then leaves it to them.
"""

import fcntl
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import IO

from app.errors import DomainError, message
from app.postgres import Server, answering, found, held_elsewhere, locked, running_pid, started

PATIENCE = 60  # seconds for another process to start the server
HANDED_OVER_AFTER = 10  # seconds that others have, whom an owner that ends leaves without a server for a moment
LOOK_EVERY = 0.25  # seconds
RETRY_AFTER = 2.0  # seconds, where the server does not start again

logger = logging.getLogger(__name__)


class HomeNotUsable(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message("Rondo cannot use its folder {folder}: {reason}. Set RONDO_HOME to a folder that it can write.")


@contextmanager
def running(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The server of this home: the one that runs, or a new one with these `settings` of PostgreSQL (`fsync`, ...).

    Within the block it is brought back when it dies, by us or by another process that uses it.
    Enter it in the main thread: the server dies with the thread that started it.
    Raises HomeNotUsable, ServerDidNotStart, BinariesMissing.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        users, ownership = ((home / f"postgres.{name}").open("a") for name in ("users", "owner"))
    except OSError as error:
        raise HomeNotUsable(folder=home, reason=error.strerror) from error
    with users, ownership:
        keeper = Keeper(home.resolve() / "postgres", settings or {}, users, ownership)
        try:
            yield keeper.begin()
        finally:
            keeper.leave()


class Keeper:
    """Looks after the server of one home for one process. `users` is locked by all who use it, `ownership` by one."""

    def __init__(self, data: Path, settings: Mapping[str, str], users: IO[str], ownership: IO[str]) -> None:
        self.data = data
        self.settings = settings
        self.users = users
        self.ownership = ownership
        self.server: Server | None = None
        self.stopping = Event()
        self.watching = Thread(target=self._watch, name="database", daemon=True)

    def begin(self) -> Server:
        fcntl.flock(self.users, fcntl.LOCK_SH)  # waits for an owner that is about to stop its server
        try:
            self.server = self._found_or_started()
        except OSError as error:
            raise HomeNotUsable(folder=self.data.parent, reason=error.strerror) from error
        self.watching.start()
        return self.server

    def leave(self) -> None:
        """Stop our own server, once no other process uses it or has had time to end: then it is theirs to start."""
        try:
            if self._is_ours():
                self._outstay_the_others()
        finally:
            self.stopping.set()
            if self.watching.ident:
                self.watching.join()
            if self.server:
                self.server.stop()

    def _is_ours(self) -> bool:
        return self.server is not None and self.server.process is not None

    def _outstay_the_others(self) -> None:
        if locked(self.users):
            return
        logger.warning("Other rondo processes use the database of this one: they have %s s to end.", HANDED_OVER_AFTER)
        deadline = time.monotonic() + HANDED_OVER_AFTER
        while time.monotonic() < deadline and not locked(self.users):
            time.sleep(0.1)

    def _found_or_started(self) -> Server:
        """Started by its owner alone; whoever comes when nobody is becomes that."""
        deadline = time.monotonic() + PATIENCE
        while not locked(self.ownership):
            if server := answering(self.data):
                return server
            if time.monotonic() > deadline or self.stopping.is_set():
                raise held_elsewhere(self.data)
            time.sleep(0.05)
        return found(self.data) or started(self.data, self.settings)

    def _watch(self) -> None:
        """In a thread that lasts as long as we do, because the kernel ends the server with the one that started it."""
        while not self.stopping.wait(LOOK_EVERY):
            try:
                if self._is_gone():
                    self._bring_back()
            except Exception:
                logger.exception("The database does not come back; trying again in %s s.", RETRY_AFTER)
                self.stopping.wait(RETRY_AFTER)

    def _is_gone(self) -> bool:
        if self.server and self.server.process:
            return self.server.process.poll() is not None
        return running_pid(self.data) is None

    def _bring_back(self) -> None:
        logger.warning("The embedded PostgreSQL in %s is gone; bringing it back.", self.data)
        self.server = self._found_or_started()
        logger.warning("The embedded PostgreSQL in %s is back.", self.data)
