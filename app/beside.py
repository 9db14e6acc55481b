"""Processes beside this one: started again where they end before we do, and never outliving us."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from app.bound import bound_to_us

GRACE = 30  # seconds to end what they are at
PAUSE = 5  # seconds before one that ended is replaced
LOOK_EVERY = 0.5

logger = logging.getLogger(__name__)


@contextmanager
def beside(*arguments: str, database: str, keeping: Sequence[int] = ()) -> Iterator[None]:
    """`rondo ARGUMENTS` for the time of the block, on the `database` of this address, which is ours to look after.

    `keeping` are open files of ours that it is handed by number.
    """
    stopping = Event()
    environment = {**os.environ, "RONDO_DATABASE_URL": database}
    keeper = Thread(target=_keep_running, args=(arguments, environment, keeping, stopping))
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def _keep_running(
    arguments: Sequence[str], environment: Mapping[str, str], keeping: Sequence[int], stopping: Event
) -> None:
    """In a thread of its own, because the kernel ends the process with the thread that started it."""
    while not stopping.is_set():
        process = _start(arguments, environment, keeping)
        while process.poll() is None and not stopping.wait(LOOK_EVERY):
            pass
        if stopping.is_set():
            _stop(process)
        else:
            line = "`rondo %s` ended with code %s; a new one starts in %s seconds."
            logger.error(line, arguments[0], process.returncode, PAUSE)
            stopping.wait(PAUSE)


def _start(arguments: Sequence[str], environment: Mapping[str, str], keeping: Sequence[int]) -> subprocess.Popen[bytes]:
    """In a group of its own: Ctrl-C reaches it through us."""
    command = [sys.executable, "-P", "-m", "app.cli", *arguments]  # -P: no other `app`, from the folder we are in
    return subprocess.Popen(bound_to_us(command), env=environment, process_group=0, pass_fds=keeping)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
