"""The run folder: what the app puts in for the trainer, and what the trainer has written so far."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint
from app.datasets.models import Dataset
from app.files.place import Files, fetched, here, is_below, named_from
from app.runs.models import Run
from app.runs.queries import inputs_of
from trainer.records import Demonstration, TextRecord, read_lines, write_lines

LOG_TAIL = 4000  # characters
END = 64 * 1024  # bytes at the end of a file that are looked at
OUTPUTS_SHOWN = 6
OUTPUT_LENGTH = 1_000  # characters
REPLACED = "\N{REPLACEMENT CHARACTER}"  # for what Postgres cannot keep
SHOWN = ("step", "prompt_id", "completion", "score", "kl", "tokens", "finish_reason")


@dataclass(frozen=True)
class Status:
    """What `status.json` says; a trainer that has not written one yet is at nothing."""

    progress: float = 0.0
    error: str | None = None
    state: str = "running"


def write_run_folder(session: Session, run: Run, files: Files) -> Path:
    """The folder with its `config.json`: settings and the paths of inputs, of several with commas between."""
    folder = here(files) / run.location
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, list[str]] = {}
    for each in inputs_of(session, run):
        paths.setdefault(each.setting, []).append(_path_for(each.setting, each.source, files, folder))
    joined = {setting: ",".join(several) for setting, several in paths.items()}
    config = json.dumps({**run.settings, **joined}, indent=2)
    (folder / "config.json").write_text(config + "\n", encoding="utf-8")
    return folder


def _path_for(setting: str, source: Dataset | Checkpoint, files: Files, folder: Path) -> str:
    if isinstance(source, Checkpoint):
        return model_path(source, files, folder)
    rows = fetched(files, source.location) / f"{source.kind.value}.jsonl"
    return named_from(files, folder, _texts_of(rows, folder) if setting == "texts" else rows)


def model_path(checkpoint: Checkpoint, files: Files, folder: Path) -> str:
    """A folder of ours where there is one, else as given: an absolute path or a hub id."""
    location = checkpoint.location or ""
    below = fetched(files, location)
    return named_from(files, folder, below) if below.is_dir() and is_below(files, location) else location


def _texts_of(demonstrations: Path, folder: Path) -> Path:
    """What a language model learns from demonstrations alone: each prompt's contents, then the answer.

    Of the training split only: what the base model has read cannot test the policies that descend from it.
    """
    path = folder / "texts.jsonl"
    records = (each for each in read_lines(Demonstration, demonstrations) if each.split == "train")
    write_lines(path, (TextRecord(_plain(each)) for each in records))
    return path


def _plain(demonstration: Demonstration) -> str:
    contents = [message.content for message in demonstration.prompt]
    return "\n".join([*contents, demonstration.completion])


def read_status(folder: Path) -> Status:
    try:
        values = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return Status()
    return Status(values.get("progress") or 0.0, values.get("error"), values.get("state") or "running")


def log_tail(folder: Path) -> str:
    return _end_of(folder / "log.txt")[-LOG_TAIL:]


def recent_outputs(folder: Path) -> list[dict[str, Any]]:
    """The last few outputs of the policy, newest first: rollouts of PPO, or samples; long ones are cut."""
    for name in ("rollouts.jsonl", "samples.jsonl"):
        lines = _end_of(folder / name).split("\n")[:-1]  # the last one is empty, or half written
        rows = [row for line in lines[-OUTPUTS_SHOWN:] if (row := _row_in(line))]
        if rows:
            return rows[::-1]
    return []


def _row_in(line: str) -> dict[str, Any] | None:
    """What a page shows of it; none where the beginning of the line was out of sight."""
    try:
        row = json.loads(line)
        shown = {name: row[name] for name in SHOWN if row.get(name) is not None}
        return {**shown, "completion": row["completion"].replace("\0", REPLACED)[:OUTPUT_LENGTH]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _end_of(path: Path) -> str:
    """As much of a file as anybody looks at, however long it is."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - END))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text.replace("\0", REPLACED)


class MetricsFile:
    """Reads the lines that were added to `metrics.jsonl` since the last look; a half-written line waits.

    A resume puts another file in its place, without what came after its checkpoint, and goes on in that: it is read
    from its beginning, however long it has grown by then.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics.jsonl"
        self.inode = 0
        self.offset = 0

    def new_lines(self) -> list[dict[str, Any]]:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return []
        with file:
            found = os.fstat(file.fileno())
            if found.st_ino != self.inode or found.st_size < self.offset:
                self.inode, self.offset = found.st_ino, 0
            file.seek(self.offset)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self.offset += len(whole)
        return [json.loads(line) for line in whole.splitlines() if line.strip()]
