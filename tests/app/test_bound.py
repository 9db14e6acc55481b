import os
import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest

PARENT = """
import subprocess, sys, time
from app.bound import bound_to_us
child = subprocess.Popen(bound_to_us([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]))
print(child.pid, flush=True)
time.sleep(60)
"""


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
@pytest.mark.parametrize("inherited", [signal.SIG_DFL, signal.SIG_IGN], ids=["in a terminal", "behind a script's &"])
def test_a_bound_process_ends_with_its_parent_whatever_signals_they_inherited(inherited: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, inherited)
    try:
        parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with parent:
        assert parent.stdout is not None
        lines = sorted(int(parent.stdout.readline()) for _ in range(2))  # the child's sign of life, and its number
        child = lines[1]
        assert is_running(child)
        parent.kill()
        parent.wait()
    until = monotonic() + 20
    while is_running(child) and monotonic() < until:
        sleep(0.05)
    assert not is_running(child)
