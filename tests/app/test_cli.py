"""The command as people start it: a process of its own, on the embedded database of its own home."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.bound import bound_to_us
from app.embedded import running


def rondo(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=environment(home, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def environment(home: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RONDO_")}
    return {**kept, "RONDO_HOME": str(home), **settings}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """The home of a Rondo that serves, its process, and its address."""
    home = tmp_path_factory.mktemp("home")
    with served(home, "--no-worker") as (process, address):
        yield home, process, address


@contextmanager
def served(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`rondo serve` on a free port: the process, and the address that it says."""
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0", *options]
    with subprocess.Popen(bound_to_us(command), env=environment(home), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
        finally:
            process.kill()


def running_in(home: Path) -> list[str]:
    """The command lines of our processes that were given this home."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if f"RONDO_HOME={home}\0" in (process / "environ").read_text(errors="replace"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def wait_for(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_help_names_every_command_and_imports_none(tmp_path):
    said = rondo(tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert said.returncode == 0
    for command in ("serve", "worker", "users", "backup", "restore", "db"):
        assert re.search(rf"\b{command}\b", said.stdout)
    assert "typer" in said.stderr
    assert "sqlalchemy" not in said.stderr


def test_serve_migrates_a_new_home_and_answers(serving):
    _, _, address = serving
    answer = httpx.get(f"{address}/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_sigterm_ends_serve_and_its_database(tmp_path):
    with served(tmp_path, "--no-worker") as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_killing_serve_leaves_neither_worker_nor_database(tmp_path):
    with served(tmp_path) as (process, _):
        wait_for(lambda: any("worker" in line for line in running_in(tmp_path)))
        assert any("postgres" in line for line in running_in(tmp_path))
        process.kill()
        process.wait()
        wait_for(lambda: not running_in(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ending_serve_ends_its_worker(tmp_path):
    with served(tmp_path) as (process, _):
        wait_for(lambda: any("worker" in line for line in running_in(tmp_path)))
        process.send_signal(signal.SIGINT)
        process.wait(40)
        assert running_in(tmp_path) == []


def test_health_fails_when_the_database_is_gone(tmp_path):
    with served(tmp_path, "--no-worker") as (_, address):
        server_pid = int((tmp_path / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(server_pid, signal.SIGINT)
        answer = httpx.get(f"{address}/health", timeout=20)
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")


def test_a_backup_made_beside_serve_fills_a_new_home(serving, tmp_path):
    home, process, _ = serving
    archive = tmp_path / "backup.tar"
    assert rondo(home, "backup", str(archive)).stdout == f"{archive}: the database and 0 files.\n"
    assert process.poll() is None
    assert rondo(tmp_path / "new", "restore", str(archive)).returncode == 0
    again = rondo(tmp_path / "new", "restore", str(archive))
    assert again.returncode == 1
    assert "the database is not empty" in again.stderr


def test_a_database_elsewhere_is_upgraded_by_command_only(tmp_path):
    with running(tmp_path, {"fsync": "off"}) as server:
        url = server.url().replace("postgresql+psycopg://", "postgresql://")
        refused = rondo(tmp_path / "other", "serve", RONDO_DATABASE_URL=url)
        assert refused.returncode == 1
        assert "rondo db upgrade" in refused.stderr
        assert "The database is at" in rondo(tmp_path / "other", "db", "upgrade", RONDO_DATABASE_URL=url).stdout
        needed = rondo(tmp_path / "other", "db", "current", RONDO_DATABASE_URL=url).stdout
        assert re.fullmatch(r"(\w+) \(needed: \1\)\n", needed)
        assert rondo(tmp_path / "other", "db", "downgrade", "base", RONDO_DATABASE_URL=url).stdout.endswith(
            "nothing.\n"
        )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody@127.0.0.1:1/nothing", "The database does not answer: "),
        ("mysql://nobody@127.0.0.1/nothing", "RONDO_DATABASE_URL has to begin with postgresql://"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_a_sentence(tmp_path, url, sentence):
    said = rondo(tmp_path, "serve", RONDO_DATABASE_URL=url)
    assert said.returncode == 1
    assert said.stderr.startswith(sentence)
    assert "Traceback" not in said.stderr


def test_the_first_admin_link_leads_to_the_port_that_was_free(tmp_path):
    command = [sys.executable, "-u", "-m", "app.cli", "serve", "--port", "0", "--no-worker"]
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        link = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
        assert httpx.get(link).status_code == 200
        process.kill()


def test_a_port_that_is_taken_is_said_in_a_sentence(serving, tmp_path):
    port = serving[2].rpartition(":")[2]
    said = rondo(tmp_path, "serve", "--port", port)
    assert said.returncode == 1
    assert said.stderr.startswith(f"Rondo cannot listen on 127.0.0.1, port {port}: ")


def test_a_setting_that_cannot_be_read_is_said_in_a_sentence(tmp_path):
    said = rondo(tmp_path, "users", "list", RONDO_PORT="abc")
    assert said.returncode == 1
    assert said.stderr.startswith("RONDO_PORT cannot be 'abc': ")
    assert said.stderr.count("\n") == 1
