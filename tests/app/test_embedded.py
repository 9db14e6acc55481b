import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from app import embedded, postgres
from app.binaries import BinariesMissing
from app.bound import bound_to_us, server_account
from app.embedded import HomeNotUsable, running
from app.postgres import Server, ServerDidNotStart, answering, running_pid

# A process that starts the server of a home, says so, and stays until it is killed or its input ends.
OWNER = """
import sys
from pathlib import Path
from app.embedded import running
with running(Path(sys.argv[1]), {"fsync": "off"}) as server:
    print(server.process.pid if server.process else "adopted", flush=True)
    sys.stdin.read()
"""


def make_owner(home: Path) -> tuple[subprocess.Popen[str], str]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    return owner, owner.stdout.readline().strip()


def answers(server: Server) -> bool:
    with server.connect("rondo") as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def test_what_was_committed_is_there_after_a_restart(tmp_path):
    with running(tmp_path) as server, server.connect("rondo") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with running(tmp_path) as server, server.connect("rondo") as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_text_is_utf8_and_lower_case_knows_accents(tmp_path):
    with running(tmp_path, {"fsync": "off"}) as server, server.connect("rondo") as connection:
        assert connection.execute("SELECT lower('ÉÄ')").fetchone() == ("éä",)


def test_a_home_with_spaces_quotes_and_a_very_long_path_works(tmp_path):
    home = tmp_path / 'a home\'s "folder" é' / ("x" * 120) / ".rondo"
    with running(home, {"fsync": "off"}) as server, server.connect() as connection:
        assert connection.execute("SHOW data_directory").fetchone() == (str(home / "postgres"),)


def test_no_server_is_left_after_the_block(tmp_path):
    with running(tmp_path, {"fsync": "off"}) as server:
        assert server.process
        pid = server.process.pid
        assert is_running(pid)
    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_killed_owner_leaves_no_server_and_the_next_start_recovers(tmp_path):
    owner, server_pid = make_owner(tmp_path)
    owner.kill()
    owner.communicate()
    with running(tmp_path, {"fsync": "off"}) as server:
        assert server.process
        assert answers(server)
    wait_until_gone(int(server_pid))


def test_a_killed_server_is_recovered_from(tmp_path):
    with running(tmp_path) as server:
        assert server.process
        with server.connect("rondo") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.process.kill()
        server.process.wait()
    with running(tmp_path) as server, server.connect("rondo") as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_second_process_uses_the_running_server(tmp_path):
    with running(tmp_path, {"fsync": "off"}) as server:
        other, said = make_owner(tmp_path)
        other.communicate("", timeout=10)
        assert said == "adopted"
        assert answers(server)


def test_the_owner_waits_for_those_who_use_its_server(tmp_path):
    owner, server_pid = make_owner(tmp_path)
    with running(tmp_path) as server:
        assert server.process is None
        owner.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            owner.wait(0.3)
        assert answers(server)
    assert owner.wait(10) == 0
    owner.stdout.close()
    assert not is_running(int(server_pid))


def wait_until_back(home: Path, before: int) -> int:
    """The process of the server that came in place of the one `before`, once it answers."""
    deadline = time.monotonic() + 30
    while True:
        said = answering(home / "postgres") and running_pid(home / "postgres")
        if said and said != before:
            return said
        assert time.monotonic() < deadline, "the server does not come back"
        time.sleep(0.02)


def test_a_server_that_dies_under_those_who_use_it_is_brought_back_by_its_owner(tmp_path):
    with running(tmp_path) as server:
        other, said = make_owner(tmp_path)
        assert said == "adopted"
        with server.connect("rondo") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        before = server.process.pid
        os.kill(before, signal.SIGKILL)
        now = wait_until_back(tmp_path, before)
        with server.connect("rondo") as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        assert psutil.Process(now).ppid() == os.getpid()
        other.communicate("", timeout=10)
    assert not is_running(now)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_who_uses_the_server_of_a_process_that_is_killed_brings_it_back_and_owns_it(tmp_path):
    owner, before = make_owner(tmp_path)
    with running(tmp_path, {"fsync": "off"}) as server:
        assert server.process is None
        owner.kill()
        owner.communicate()
        now = wait_until_back(tmp_path, int(before))
        assert answers(server)
        third, said = make_owner(tmp_path)
        assert said == "adopted"
        third.communicate("", timeout=10)
        assert is_running(now)
    assert not is_running(now)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_one_of_several_brings_the_server_of_a_killed_process_back(tmp_path):
    owner, before = make_owner(tmp_path)
    others = [make_owner(tmp_path)[0] for _ in range(3)]
    owner.kill()
    owner.communicate()
    now = wait_until_back(tmp_path, int(before))
    assert psutil.Process(now).ppid() in {other.pid for other in others}
    for other in others:
        other.stdin.close()
    assert [other.wait(20) for other in others] == [0, 0, 0]
    for other in others:
        other.stdout.close()
    assert not is_running(now)


def test_an_owner_that_ends_leaves_the_server_to_those_who_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "HANDED_OVER_AFTER", 0.2)
    with running(tmp_path) as server:
        other, said = make_owner(tmp_path)
        assert said == "adopted"
        before = server.process.pid
    assert not is_running(before)
    now = wait_until_back(tmp_path, before)
    assert psutil.Process(now).ppid() == other.pid
    other.communicate("", timeout=30)
    assert not is_running(now)


def test_no_server_starts_while_a_process_of_the_one_before_is_there(tmp_path, monkeypatch):
    """A connection that has not noticed yet that its server was killed still writes into the same memory."""
    monkeypatch.setattr(postgres, "PATIENCE", 0.2)
    with running(tmp_path, {"fsync": "off"}):
        pass
    with (tmp_path / "postgres.alive").open("a") as held:
        assert postgres.locked(held)
        with pytest.raises(ServerDidNotStart, match="another Rondo uses the folder"), running(tmp_path):
            pass


def test_a_process_number_given_away_again_does_not_stop_the_start(tmp_path):
    with running(tmp_path, {"fsync": "off"}):
        stale = (tmp_path / "postgres" / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "postgres" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
    with running(tmp_path, {"fsync": "off"}) as server:
        assert server.process
    stranger.communicate(b"\n")


def test_no_second_server_starts_beside_one_that_cannot_be_seen(tmp_path, monkeypatch):
    """As with two containers on one folder: the other's process number means nothing here."""
    monkeypatch.setattr(embedded, "PATIENCE", 0.2)
    owner, _ = make_owner(tmp_path)
    (tmp_path / "postgres" / "postmaster.pid").unlink()
    with pytest.raises(ServerDidNotStart, match="another Rondo uses the folder"), running(tmp_path):
        pass
    owner.kill()
    owner.communicate()


def test_an_interrupted_first_start_leaves_nothing_half_made(tmp_path):
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with running(tmp_path, {"fsync": "off"}) as server:
        assert answers(server)
    assert not (tmp_path / "postgres.new").exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeNotUsable, match="Set RONDO_HOME to a folder that it can write"), running(tmp_path / "file"):
        pass


def test_a_server_that_does_not_start_says_why(tmp_path):
    with pytest.raises(ServerDidNotStart, match="no_such_setting"), running(tmp_path, {"no_such_setting": "1"}):
        pass


def test_data_of_a_postgres_that_is_not_installed_is_named(tmp_path):
    with running(tmp_path, {"fsync": "off"}):
        pass
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(BinariesMissing, match="PostgreSQL 9 is not installed here"), running(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its server's account cannot enter")
def test_root_may_keep_its_home_in_a_folder_closed_to_others(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with running(closed / ".rondo", {"fsync": "off"}) as server:
        assert answers(server)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
    assert "Uid:\t65534" in status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lacks nothing but this right")
def test_root_without_the_right_to_trace_uses_the_running_server(tmp_path):
    """As in a container, where root may not look into the processes of others."""
    forget = "import ctypes; assert ctypes.CDLL(None).prctl(24, 19, 0, 0, 0) == 0"  # PR_CAPBSET_DROP, CAP_SYS_PTRACE
    again = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {OWNER!r}, sys.argv[1]])"
    with running(tmp_path, {"fsync": "off"}) as server:
        said = subprocess.run(
            [sys.executable, "-c", f"{forget}\n{again}", str(tmp_path)],
            input="",
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.stdout.strip() == "adopted", said.stderr
        assert answers(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_the_server_as_itself():
    nobody = server_account()
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chown(home, nobody.uid, nobody.gid)
        script = f"import os; assert os.geteuid() == {nobody.uid}\n{OWNER}"
        command = bound_to_us([sys.executable, "-c", script, home], nobody, Path(sys.executable))
        said = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert said.stdout.strip().isdigit(), said.stderr
