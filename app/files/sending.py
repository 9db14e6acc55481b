"""A folder that a program writes into, sent to the store again and again: each time what is new, and whole or not."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from app.files.store import STAGING, Contents, Kept, Store
from trainer.manifest import file_digest

CHECKPOINTS = "checkpoints"
PASSING = frozenset({"status.json"})  # says what is now, and is written anew by whoever goes on

Look = tuple[int, int, int]  # a file's size, time of change and inode: the same as long as nobody writes it


@dataclass
class Sending:
    """`contents` are what the store has; `seen` is what each of their files looked like here when it was sent."""

    store: Store
    tree: str
    contents: Contents | None
    seen: dict[str, Look] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.store.scratch / self.tree

    def newest_checkpoint(self) -> str:
        return max((path.name for path in (self.folder / CHECKPOINTS).glob("step-*")), default="")

    def put(self) -> Contents | None:
        """Sends what is new, which nobody sees before `publish`; None where nothing is.

        Raises `StoreUnreachable`, and OSError where the folder cannot be read, or a checkpoint was just removed.
        """
        version = token_hex(8)
        with held_still(self.folder) as paths:
            files = dict(self._each(version, paths))
        if self.contents and files == self.contents.files:
            return None
        return Contents(version=version, files=files)

    def publish(self, contents: Contents) -> None:
        """To be called by who alone may send this folder."""
        self.store.publish(self.tree, contents)
        self.store.mark(self.tree, contents)
        self.contents = contents
        self.store.sweep(self.tree, contents)

    def _each(self, version: str, paths: dict[str, Path]) -> Iterator[tuple[str, Kept]]:
        for name, path in paths.items():
            try:
                yield name, self._kept(version, name, path)
            except FileNotFoundError:
                if name.startswith(f"{CHECKPOINTS}/"):
                    raise  # half a checkpoint is none; others the program has removed since

    def _kept(self, version: str, name: str, path: Path) -> Kept:
        found = path.stat()
        look = (found.st_size, found.st_mtime_ns, found.st_ino)
        before = self.contents.files.get(name) if self.contents else None
        if before and self.seen.get(name) == look:
            return before
        same = before and before.size == found.st_size and before.sha256 == file_digest(path)
        kept = before if before and same else self.store.put(self.tree, version, name, path)
        self.seen[name] = look
        return kept


@contextmanager
def held_still(folder: Path) -> Iterator[dict[str, Path]]:
    """Names of what a restart needs, and where it can be read meanwhile.

    The newest checkpoint comes first, and under second names: the program removes it when it has a newer one. Whatever
    else there is only grows, so that it is never behind the checkpoint, as after a kill at any moment.
    """
    staging = folder / f"{STAGING}-{token_hex(4)}"
    try:
        newest = max((folder / CHECKPOINTS).glob("step-*"), default=None)
        if newest:
            shutil.copytree(newest, staging / newest.relative_to(folder), copy_function=os.link)
        held = {path.relative_to(staging).as_posix(): path for path in files_below(staging)}
        others = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
        yield held | {name: path for name, path in others.items() if not _is_left_out(name)}
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _is_left_out(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == CHECKPOINTS or name in PASSING or any(part.startswith(".") for part in parts)


def files_below(folder: Path) -> list[Path]:
    """`os.walk` passes over a folder that is gone by the time it comes there."""
    found = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if path.is_file())
