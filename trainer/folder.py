"""A run's folder: settings, status, metrics, and where models and checkpoints lie. No torch here.

Of several processes the one that leads writes; that a run failed is written by whichever it failed in.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from trainer.processes import leads

State = Literal["running", "finished", "failed", "stopped"]


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def samples(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def rollouts(self) -> Path:
        return self.path / "rollouts.jsonl"

    @property
    def scores(self) -> Path:
        return self.path / "scores.jsonl"

    @property
    def results(self) -> Path:
        return self.path / "results.json"

    @property
    def last_good_checkpoint(self) -> str:
        """A sentence; what is not finite was never written down."""
        names = sorted(path.name for path in self.checkpoints.glob("step-*"))
        if not names:
            return "No checkpoint was written before."
        return f"The checkpoint of step {int(names[-1].removeprefix('step-'))} is kept: the same command goes on there."

    def write_status(self, state: State, step: int, steps: int, error: str | None = None) -> None:
        """`steps` may be 0 while it is not known. A reader never sees half a file."""
        if not leads() and state != "failed":
            return
        progress = 1.0 if state == "finished" else step / steps if steps else 0.0
        status = {
            "state": state,
            "step": step,
            "steps": steps,
            "progress": round(progress, 4),
            "error": error,
            "updated": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        write_atomically(self.status, json.dumps(status) + "\n")

    def end_status(self, state: State, error: str | None = None) -> None:
        """How the run ended, at the step where it was."""
        before = self.read_status()
        self.write_status(state, before["step"], before["steps"], error)

    def read_status(self) -> dict[str, Any]:
        try:
            status: dict[str, Any] = json.loads(self.status.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {"step": 0, "steps": 0}
        return status

    def write_results(self, values: Mapping[str, Any]) -> None:
        """What the stage measured at its end."""
        if leads():
            write_atomically(self.results, json.dumps(dict(values), indent=2) + "\n")

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        self._append(self.metrics, [values])

    def append_rollouts(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """A few of a step's completions, for people to look at."""
        self._append(self.rollouts, rows)

    def _append(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
        if leads():
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(dict(row)) + "\n" for row in rows)

    def forget_metrics_after(self, step: int) -> None:
        """Drop the lines of steps that a resumed run will take again, and a line cut short by a crash."""
        for path in (self.metrics, self.rollouts):
            if leads() and path.exists():
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
                write_atomically(path, "".join(kept))


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
