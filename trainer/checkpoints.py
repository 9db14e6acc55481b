"""All that a restart needs, in a folder of its own, whole or not there at all.

One process writes one file. Several write what each holds (`torch.distributed.checkpoint`), and any number can go on
from that. What is not finite is never written, so the newest checkpoint is always a good one.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from trainer.distributed import any_process, load_shards, local, save_shards, wait_for_all
from trainer.errors import NotFinite, TrainerError
from trainer.processes import leads, world_size

STATE_NAME = "state.pt"
FILES = (STATE_NAME, ".metadata")  # the latter is torch's, written last, where several processes wrote


class Stateful(Protocol):
    """Anything that must survive a restart: a module, a learner, an average, a controller."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> Any: ...


@runtime_checkable
class Lazy(Protocol):
    """One whose state has no tensors before its first step."""

    def make_state(self) -> None: ...


def save(folder: Path, step: int, parts: Mapping[str, Stateful], keep: int) -> Path:
    """Write everything; older checkpoints than the newest `keep` go. Raises `NotFinite`."""
    require_finite(parts, step)
    temporary = folder / (f".writing-{os.getpid()}" if world_size() == 1 else f".writing-{step}")
    temporary.mkdir(parents=True, exist_ok=True)
    state = {"step": step, "random": random_state(), "parts": {name: part.state_dict() for name, part in parts.items()}}
    if world_size() == 1:
        torch.save(state, temporary / STATE_NAME)
    else:
        save_shards(state, temporary)
    final = folder / f"step-{step:07d}"
    if leads():
        _replace(temporary, final)
        for old in checkpoints_in(folder)[:-keep]:
            shutil.rmtree(old)
    wait_for_all()
    return final


def _replace(temporary: Path, final: Path) -> None:
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)


def require_finite(parts: Mapping[str, Stateful], step: int) -> None:
    for name, part in parts.items():
        if isinstance(part, nn.Module) and any_process(not _is_finite(part)):
            raise NotFinite(f"After step {step} weights of the {name} are not finite; lower the learning rate.")


def _is_finite(module: nn.Module) -> bool:
    return all(bool(local(parameter.detach()).isfinite().all()) for parameter in module.parameters())


def restore(checkpoint: Path | None, parts: Mapping[str, Stateful]) -> int:
    """Steps already taken; 0 without a checkpoint."""
    if checkpoint is None:
        return 0
    state = _read_file(checkpoint) if (checkpoint / STATE_NAME).is_file() else _read_shards(checkpoint, parts)
    if set(state["parts"]) != set(parts):
        raise TrainerError(f"{checkpoint} was written by another kind of run; start in a new folder.")
    for name, part in parts.items():
        part.load_state_dict(state["parts"][name])
    restore_random_state(state["random"])
    return int(state["step"])


def _read_file(checkpoint: Path) -> dict[str, Any]:
    if world_size() > 1:
        raise TrainerError(f"{checkpoint} was written by one process; go on with one, or start in a new folder.")
    state: dict[str, Any] = torch.load(checkpoint / STATE_NAME, map_location="cpu", weights_only=True)
    return state


def _read_shards(checkpoint: Path, parts: Mapping[str, Stateful]) -> dict[str, Any]:
    for part in parts.values():
        if isinstance(part, Lazy):
            part.make_state()
    state = {"step": 0, "random": random_state(), "parts": {name: part.state_dict() for name, part in parts.items()}}
    load_shards(state, checkpoint)
    return state


def checkpoints_in(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(path for path in folder.glob("step-*") if any((path / name).is_file() for name in FILES))


def newest_checkpoint(folder: Path) -> Path | None:
    found = checkpoints_in(folder)
    return found[-1] if found else None


def random_state() -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
