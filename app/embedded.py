"""Our own PostgreSQL: a supervisor over the binaries of a PyPI package, so that nobody has to install a server.

Whoever starts the server owns it. It listens on a Unix socket only, and the kernel stops it when its owner dies,
however that happens (Linux). Other processes in the same home use the running server; its owner waits for them.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from app.binaries import binaries, newest_binaries
from app.bound import Account, bound_to_us, server_account
from app.errors import DomainError, message
from app.translation import gettext

USER = DATABASE = "rondo"
PATIENCE = 60  # seconds for a start, a stop, or for another server to leave
LONGEST_FOLDER = 107 - len("/.s.PGSQL.5432")  # of a Unix socket, in bytes
INITDB_OPTIONS = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

logger = logging.getLogger(__name__)


class HomeNotUsable(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message("Rondo cannot use its folder {folder}: {reason}. Set RONDO_HOME to a folder that it can write.")


class ServerDidNotStart(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message("The embedded PostgreSQL in {folder} does not run: {reason}")


@dataclass(frozen=True)
class Server:
    """A server that answers on the socket in its folder; `process` is there if it is ours to stop."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user=USER, dbname=database, autocommit=True)

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed is kept."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(PATIENCE)
            with suppress(OSError):  # a server that was killed leaves its socket, the next one needs the folder
                self.folder.rmdir()


@contextmanager
def running(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The server of this home: the one that runs, or a new one with these `settings` of PostgreSQL (`fsync`, ...).

    Enter it in the main thread: the server dies with the thread that started it.
    Raises HomeNotUsable, ServerDidNotStart, BinariesMissing.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        users = (home / "postgres.users").open("a")
    except OSError as error:
        raise HomeNotUsable(folder=home, reason=error.strerror) from error
    with users:
        server = _found_or_started(home.resolve(), settings or {}, users)
        try:
            yield server
        finally:
            _leave(server, users)


def _found_or_started(home: Path, settings: Mapping[str, str], users: IO[str]) -> Server:
    data = home / "postgres"
    try:
        with (home / "postgres.starting").open("a") as one_at_a_time:
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            return _found(data) or _started_alone(data, settings, users)
    except OSError as error:
        raise HomeNotUsable(folder=home, reason=error.strerror) from error


def _started_alone(data: Path, settings: Mapping[str, str], users: IO[str]) -> Server:
    """Two servers would destroy the data: one may run where we cannot see it, in another container."""
    deadline = time.monotonic() + PATIENCE
    while not _alone(users):
        if time.monotonic() > deadline:
            raise ServerDidNotStart(
                folder=data, reason=gettext("another Rondo uses the folder, perhaps in another container.")
            )
        time.sleep(0.05)
    server = _started(data, settings)
    fcntl.flock(users, fcntl.LOCK_SH)
    return server


def _alone(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leave(server: Server, users: IO[str]) -> None:
    """Stop our own server, once no other process uses it."""
    if not server.process:
        return
    if not _alone(users):
        logger.warning("Other rondo processes still use the database of this one: waiting until they end.")
        fcntl.flock(users, fcntl.LOCK_EX)
    server.stop()


def _found(data: Path) -> Server | None:
    """The server that runs over this data folder; one that is on its way out is waited for."""
    deadline = time.monotonic() + PATIENCE
    while pid := _running_pid(data):
        if server := _answering(data):
            return server
        if time.monotonic() > deadline:
            raise ServerDidNotStart(
                folder=data, reason=gettext("process {pid} holds the folder and does not answer.").format(pid=pid)
            )
        time.sleep(0.02)
    return None


def _running_pid(data: Path) -> int | None:
    """The process that `postmaster.pid` names, unless the number is stale: free, or another program's by now.

    PostgreSQL recovers by itself from a free number, not from one that a restarted container gave away again.
    """
    lines = _pid_file(data)
    if not lines:
        return None
    pid = int(lines[0])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    if _is_something_else(pid, data):
        (data / "postmaster.pid").unlink(missing_ok=True)
        return None
    return pid


def _is_something_else(pid: int, data: Path) -> bool:
    """Only where it is certain. The command line is used because everybody may read that, even in a container."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"-D\0" + os.fsencode(data) + b"\0" not in command


def _pid_file(data: Path) -> list[str]:
    """Its lines: process, data folder, start time, port, socket folder, address, shared memory, state."""
    path = data / "postmaster.pid"
    return path.read_text().splitlines() if path.exists() else []


def _answering(data: Path) -> Server | None:
    lines = _pid_file(data)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    server = Server(Path(lines[4]))
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return None
    return server


def _started(data: Path, settings: Mapping[str, str]) -> Server:
    account = server_account()
    if not (data / "PG_VERSION").exists():
        _initialise(data, account)
    program = binaries((data / "PG_VERSION").read_text().strip()) / "postgres"
    folder = _socket_folder(data, account)
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "timezone": "UTC", **settings}
    command: list[str | Path] = [program, "-D", data, *(f"--{name}={value}" for name, value in options.items())]
    with (data.parent / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            bound_to_us(command, account, data, program),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,  # out of reach of the terminal's Ctrl-C: we stop it in our order
        )
    server = Server(folder, process)
    try:
        _wait_until_ready(data, process)
        _create_database(server)
    except BaseException:
        server.stop()
        raise
    return server


def _initialise(data: Path, account: Account | None) -> None:
    """Made beside and renamed, so that an interrupted start leaves nothing half made."""
    new = data.with_name("postgres.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(mode=0o700)
    _hand_over(new, account)
    program = newest_binaries() / "initdb"
    command = bound_to_us([program, "-D", new, "-U", USER, *INITDB_OPTIONS], account, new, program)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerDidNotStart(
            folder=data, reason=done.stderr.strip() or gettext("initdb ended with {code}.").format(code=done.returncode)
        )
    new.rename(data)


def _hand_over(folder: Path, account: Account | None) -> None:
    if account:
        os.chown(folder, account.uid, account.gid)


def _socket_folder(data: Path, account: Account | None) -> Path:
    """A short path of our own: a socket's path has about a hundred bytes, and a home may be deeper than that."""
    name = "rondo-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    bases = (tempfile.gettempdir(), "/tmp")
    folder = next(path for base in bases if len(os.fsencode(path := Path(base) / name)) <= LONGEST_FOLDER)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.uid if account else -1}:
        raise ServerDidNotStart(folder=data, reason=gettext("{folder} belongs to somebody else.").format(folder=folder))
    folder.chmod(0o700)
    _hand_over(folder, account)
    return folder


def _wait_until_ready(data: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ((lines := _pid_file(data)) and lines[0] == str(process.pid) and lines[-1].strip() == "ready"):
        if process.poll() is not None or time.monotonic() > deadline:
            log = (data.parent / "postgres.log").read_text(errors="replace")
            raise ServerDidNotStart(folder=data, reason="\n".join(log.splitlines()[-5:]))
        time.sleep(0.01)


def _create_database(server: Server) -> None:
    with server.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
