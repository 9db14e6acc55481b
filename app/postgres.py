"""A PostgreSQL server of our own, from the binaries of a PyPI package: started, found where it runs, and stopped.

It listens on a Unix socket only, and the kernel stops it when the thread that started it ends, however that happens
(Linux). `app.embedded` says which process may start it.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
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
LONGEST_LOG = 1 << 20  # bytes
INITDB_OPTIONS = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


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


def found(data: Path) -> Server | None:
    """The server that runs over this data folder; one that is on its way out is waited for."""
    deadline = time.monotonic() + PATIENCE
    while pid := running_pid(data):
        if server := answering(data):
            return server
        if time.monotonic() > deadline:
            raise ServerDidNotStart(
                folder=data, reason=gettext("process {pid} holds the folder and does not answer.").format(pid=pid)
            )
        time.sleep(0.02)
    return None


def running_pid(data: Path) -> int | None:
    """The process that `postmaster.pid` names, unless the number is stale: free, or another program's by now."""
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
    return None if _is_something_else(pid, data) else pid


def _is_something_else(pid: int, data: Path) -> bool:
    """Only where it is certain. The command line is used because everybody may read that, even in a container."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"-D\0" + os.fsencode(data) + b"\0" not in command


def _pid_file(data: Path) -> list[str]:
    """Its lines: process, data folder, start time, port, socket folder, address, shared memory, state."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def answering(data: Path) -> Server | None:
    lines = _pid_file(data)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    server = Server(Path(lines[4]))
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return None
    return server


def started(data: Path, settings: Mapping[str, str]) -> Server:
    """A new server over this folder, for whoever may start one. Raises `ServerDidNotStart`."""
    account = server_account()
    if not (data / "PG_VERSION").exists():
        _initialise(data, account)
    program = binaries((data / "PG_VERSION").read_text().strip()) / "postgres"
    folder = _socket_folder(data, account)
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "timezone": "UTC", **settings}
    command: list[str | Path] = [program, "-D", data, *(f"--{name}={value}" for name, value in options.items())]
    with (data.parent / "postgres.alive").open("a") as alive, _log(data).open("ab") as log:
        _wait_for_the_last(data, alive)
        _forget_a_stranger(data)
        process = subprocess.Popen(
            bound_to_us(command, account, data, program),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,  # out of reach of the terminal's Ctrl-C: we stop it in our order
            pass_fds=[alive.fileno()],
        )
    server = Server(folder, process)
    try:
        _wait_until_ready(data, process)
        _create_database(server)
    except BaseException:
        server.stop()
        raise
    return server


def _log(data: Path) -> Path:
    """Where the server writes. What led to a crash stays in it, until it is long."""
    path = data.parent / "postgres.log"
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    return path


def _wait_for_the_last(data: Path, alive: IO[str]) -> None:
    """Until every process of an earlier server has ended, seen from here or not: two servers would destroy the data.

    They hold this lock, which they inherit; a server that was killed leaves processes behind for a moment, and one in
    another container has a number that means nothing here.
    """
    deadline = time.monotonic() + PATIENCE
    while not locked(alive):
        if time.monotonic() > deadline:
            raise held_elsewhere(data)
        time.sleep(0.05)


def locked(file: IO[str]) -> bool:
    """Whether we hold this file's lock alone, now or already before."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def held_elsewhere(data: Path) -> ServerDidNotStart:
    reason = gettext("another Rondo uses the folder, perhaps in another container.")
    return ServerDidNotStart(folder=data, reason=reason)


def _forget_a_stranger(data: Path) -> None:
    """PostgreSQL recovers by itself from a free process number, not from one that was given away again."""
    lines = _pid_file(data)
    if lines and running_pid(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


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
            log = _log(data).read_text(errors="replace")
            raise ServerDidNotStart(folder=data, reason="\n".join(log.splitlines()[-5:]))
        time.sleep(0.01)


def _create_database(server: Server) -> None:
    with server.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
