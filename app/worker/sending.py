"""What a trainer writes, sent to the store while it writes, so that another machine can go on from there.

Where the files are in a folder that everybody reaches there is nothing to send.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from app.db import transaction
from app.files.place import Files
from app.files.sending import Sending
from app.files.store import Store, StoreUnreachable
from app.runs.service import Claim, RunLost, held_run

LOOK_EVERY = 1.0  # seconds between looks whether there is a new checkpoint, which is sent at once
SEND_EVERY = 30.0  # seconds between words, numbers and samples
REST = 2.0  # times as long as sending took, nothing is sent
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a store that does not answer is asked again
PATIENCE = 600.0  # seconds for a store that does not answer
PATIENCE_AT_THE_END = 10.0  # seconds, of a worker that is to stop

Done = TypeVar("Done")
logger = logging.getLogger(__name__)


def persistently(do: Callable[[], Done], stopping: threading.Event) -> Done:
    """Asks again and again, at longer and longer intervals; raises `StoreUnreachable` when patience ends."""
    began, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return do()
        except StoreUnreachable as error:
            patience = PATIENCE_AT_THE_END if stopping.is_set() else PATIENCE
            if time.monotonic() - began > patience:
                raise
            logger.warning("%s Trying again in %.0f s.", error, pause)
        stopping.wait(pause) if not stopping.is_set() else time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


class Sender:
    """A thread beside a run. `finish` sends what is left, once the trainer has ended."""

    def __init__(self, engine: Engine, claim: Claim, sending: Sending) -> None:
        self.engine, self.claim, self.sending = engine, claim, sending
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_sending, name=f"sending run {claim.run_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def finish(self, stopping: threading.Event) -> None:
        """Raises `StoreUnreachable`, `RunLost`, and OSError where the folder cannot be read."""
        self.stop()
        persistently(self.send, stopping)

    def send(self) -> None:
        """What was sent counts only while the run is ours: whoever takes it waits for the row that is locked here.

        Raises as `finish`.
        """
        contents = self.sending.put()
        if contents is None:
            return
        with transaction(self.engine) as session:
            held_run(session, self.claim)
            self.sending.publish(contents)

    def _keep_sending(self) -> None:
        sent, due, pause = self.sending.newest_checkpoint(), time.monotonic() + SEND_EVERY, FIRST_PAUSE
        rested = 0.0
        while not self._over.wait(LOOK_EVERY):
            newest, began = self.sending.newest_checkpoint(), time.monotonic()
            if began < rested or (newest == sent and began < due):
                continue
            try:
                self.send()
            except RunLost:
                return  # who follows the run ends it
            except (StoreUnreachable, OperationalError, OSError) as error:
                logger.warning("Run %s is not sent: %s", self.claim.run_id, error)
                rested, pause = time.monotonic() + pause, min(2 * pause, LONGEST_PAUSE)
                continue
            now = time.monotonic()
            sent, due, pause = newest, now + SEND_EVERY, FIRST_PAUSE
            rested = now + REST * (now - began)


@contextmanager
def sent_meanwhile(engine: Engine, claim: Claim, sending: Sending | None) -> Iterator[Sender | None]:
    """For the time of the block."""
    if sending is None:
        yield None
        return
    sender = Sender(engine, claim, sending)
    sender.start()
    try:
        yield sender
    finally:
        sender.stop()


def begun(files: Files, location: str) -> Sending | None:
    """The run's folder made ready: as it was sent last. Raises `StoreUnreachable`, `StoreDamaged`."""
    return Sending(files, location, files.check_out(location)) if isinstance(files, Store) else None
