"""The machine that a worker runs on: what it has, how busy it is, and whether it can work at all."""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import psutil

from app.files.place import Files, here, trouble_with_store
from app.runs.needs import Capacity

MIB = 1 << 20
LEAST_FREE = 256 * MIB  # a run's checkpoint has to fit, and what the database says
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
DRIVERS = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # asking torch takes seconds, so only where there may be a GPU
PATIENCE = 120  # seconds

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """What does not change while a worker runs. `name` is this process's alone, also among containers."""

    name: str
    host: str
    process: int
    device: str
    cores: int
    capacity: Capacity


def this_machine(labels: Sequence[str] = ()) -> Machine:
    host, process = socket.gethostname(), os.getpid()
    gpus = gpus_here()
    capacity = Capacity(len(gpus), memory_here(), min((memory for _, memory in gpus), default=0), tuple(labels))
    return Machine(f"{host}:{process}-{token_hex(2)}", host, process, named(gpus), cores_here(), capacity)


def cores_here() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_here() -> int:
    """MiB, of the container where one is set a limit (cgroup v2)."""
    total: int = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # no container, or one without a limit: "max"
        total = min(total, int(CONTAINER_LIMIT.read_text()))
    return total // MIB


def free_memory() -> int:
    """MiB."""
    available: int = psutil.virtual_memory().available
    return available // MIB


def load() -> float:
    """How many processes wanted a core over the last minute."""
    return float(psutil.getloadavg()[0])


def gpus_here() -> list[tuple[str, int]]:
    """Name and memory in MiB of each that the trainer would find."""
    if not shutil.which("nvidia-smi") and not any(map(os.path.exists, DRIVERS)):
        return []
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "trainer.devices"], capture_output=True, check=True, timeout=PATIENCE
        )
        return [(name, memory) for name, memory in json.loads(asked.stdout)]
    except (subprocess.SubprocessError, ValueError):
        logger.exception("The trainer cannot say which GPUs there are; none is offered")
        return []


def named(gpus: Sequence[tuple[str, int]]) -> str:
    """`2 x NVIDIA H100`, or `CPU`."""
    names = [name for name, _ in gpus]
    counted = [f"{names.count(name)} x {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names)]
    return ", ".join(counted) or "CPU"


def trouble_with(files: Files) -> str | None:
    """Why no run could be done now: the folder is out of reach, cannot be written to, or is full; so with the store."""
    folder = here(files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"The folder {folder} is out of reach: {error.strerror}."
    if not os.access(folder, os.W_OK):
        return f"The folder {folder} cannot be written to."
    if free < LEAST_FREE:
        return f"The disk is full: {free // MIB} MiB are left for {folder}."
    return trouble_with_store(files)
