"""What every training stage does around its own step: schedule, update, metrics, checkpoints, resume, stop.

A stage reads

    loop = Loop(folder, config, steps, {"model": model, "learner": learner})
    for step in loop:
        ... losses, backward ...
        norm = learner.update(step)
        loop.log(step, loss=..., norm=norm)

and continues after the newest checkpoint by itself; N steps equal k steps, a new process and N - k steps.
"""

import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from trainer.checkpoints import Stateful, newest_checkpoint, restore, save
from trainer.config import CheckpointSettings, OptimizerSettings, RunSettings
from trainer.distributed import any_process, clip_gradients, join_processes
from trainer.errors import NotFinite, Stopped, TrainerError
from trainer.folder import RunFolder
from trainer.processes import leads

FLOOR = 0.1
STATUS_SECONDS = 0.5


def prepare(settings: RunSettings) -> torch.device:
    """Seed, threads and device of this process; transformers keeps quiet."""
    disable_progress_bar()
    set_verbosity_error()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise TrainerError("There is no CUDA device here; choose the device cpu or auto.")
    cuda = settings.device != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    join_processes(device)
    return device


@dataclass(frozen=True)
class Schedule:
    """Learning rate by step, counted from 0. Warm-up rises from a tenth; cosine falls to a tenth."""

    peak: float
    steps: int
    warmup: int = 0
    kind: str = "cosine"

    def rate(self, step: int) -> float:
        if step < self.warmup:
            return self.peak * (FLOOR + (1 - FLOOR) * step / self.warmup)
        if self.kind == "constant":
            return self.peak
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.peak * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * min(1.0, done))) / 2)


class Learner:
    """What changes one model: AdamW (0.9, 0.95), its schedule, gradient clipping."""

    def __init__(
        self, model: nn.Module, schedule: Schedule, *, weight_decay: float = 0.0, clip_norm: float = 1.0
    ) -> None:
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.schedule = schedule
        self.clip_norm = clip_norm
        matrices = [parameter for parameter in self.parameters if parameter.ndim > 1]
        vectors, scalars = ([one for one in self.parameters if one.ndim == size] for size in (1, 0))
        groups = [
            {"params": matrices, "weight_decay": weight_decay},
            *({"params": others, "weight_decay": 0.0} for others in (vectors, scalars)),
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=schedule.peak, betas=(0.9, 0.95), fused=True)

    def update(self, step: int) -> float:
        """Apply the accumulated gradients at this step's rate and clear them; their norm before clipping."""
        norm = clip_gradients(self.parameters, self.clip_norm or math.inf)
        if not math.isfinite(norm):
            raise NotFinite(f"The gradient of step {step + 1} is not finite; lower the learning rate.")
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate(step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> Mapping[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.optimizer.load_state_dict(dict(state))

    def make_state(self) -> None:
        """What AdamW makes at its first step, so that shards of a checkpoint have a place to go; no weight moves."""
        for group in self.optimizer.param_groups:
            group["lr"] = 0.0
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def make_learner(model: nn.Module, settings: OptimizerSettings, steps: int) -> Learner:
    schedule = Schedule(settings.learning_rate, steps, settings.warmup_steps, settings.schedule)
    return Learner(model, schedule, weight_decay=settings.weight_decay, clip_norm=settings.clip_norm)


class Loop:
    """Yields the steps that are still to be taken, counted from 0."""

    def __init__(
        self, folder: RunFolder, settings: CheckpointSettings, steps: int, parts: Mapping[str, Stateful]
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.steps = steps
        self.parts = parts
        self.first = restore(newest_checkpoint(folder.checkpoints), parts)
        self._status_written = 0.0
        self._stop_asked = False
        folder.forget_metrics_after(self.first)

    def __iter__(self) -> Iterator[int]:
        previous = signal.signal(signal.SIGTERM, self._ask_to_stop)
        self.folder.write_status("running", self.first, self.steps)
        try:
            with progress_bar() as bar:
                task = bar.add_task(self.folder.path.name, total=self.steps, completed=self.first)
                for step in range(self.first, self.steps):
                    yield step
                    bar.update(task, completed=step + 1)
                    self._finish(step + 1)
        finally:
            signal.signal(signal.SIGTERM, previous)

    def log(self, step: int, **values: float | None) -> None:
        """One line of `metrics.jsonl`, where steps count from 1; what is None is left out."""
        known = {name: float(f"{value:.6g}") for name, value in values.items() if value is not None}
        self.folder.append_metrics({"step": step + 1, **known, "time": round(time.time(), 2)})

    def keep(self, done: int) -> None:
        """A checkpoint of what so many steps have learned, from which the same command goes on."""
        save(self.folder.checkpoints, done, self.parts, self.settings.keep_checkpoints)

    def _finish(self, done: int) -> None:
        every = self.settings.checkpoint_every
        # Read once: a stop that is asked for after the save waits for the next step. Processes stop together.
        stopping = any_process(self._stop_asked)
        if done == self.steps or stopping or (every and done % every == 0):
            self.keep(done)
        if stopping or done == self.steps or time.monotonic() - self._status_written > STATUS_SECONDS:
            self.folder.write_status("running", done, self.steps)
            self._status_written = time.monotonic()
        if stopping and done < self.steps:
            raise Stopped(f"Stopped after step {done} of {self.steps}.")

    def _ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stop_asked = True


def progress_bar() -> Progress:
    """Silent unless a person looks on."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not (leads() and sys.stderr.isatty()))
