"""Where datasets, runs and models are kept; whoever reads or writes them names them by their path below that place."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from app.files.store import CHUNK, Store, tree_and_rest

Files = Path | Store
"""A folder that everybody who works with the database can reach, or a store with a folder of this machine before it."""


@dataclass(frozen=True)
class Part:
    """One file of several, `name` with slashes; `size` in bytes; `chunks` can be read once."""

    name: str
    size: int
    modified: float
    chunks: Iterable[bytes]


@lru_cache
def place_at(where: str, scratch: Path) -> Files:
    """`where`: a path, or an address as `s3://bucket/prefix`. Raises `StoreNotUsable`."""
    return Store(where, scratch) if "://" in where else Path(where)


def anchored(files: Files) -> Files:
    """The same place, whatever the working directory will be."""
    return files.resolve() if isinstance(files, Path) else files


def here(files: Files) -> Path:
    """The folder on this machine in which files are made and read."""
    return files if isinstance(files, Path) else files.scratch


def fetched(files: Files, location: str) -> Path:
    """A file or folder as it can be read on this machine; there is nothing at the path where none was kept."""
    return files / location if isinstance(files, Path) else files.fetch(location)


def keep(files: Files, location: str) -> None:
    """What was made in the folder `here` is there for everybody from now on."""
    if isinstance(files, Store):
        files.keep(location)


def remove(files: Files, location: str) -> None:
    """May be done twice."""
    if isinstance(files, Store):
        files.remove(location)
    else:
        shutil.rmtree(files / location, ignore_errors=True)


def is_below(files: Files, location: str) -> bool:
    """Whether the path leads to what we keep, and not elsewhere."""
    if isinstance(files, Store):
        return tree_and_rest(location) is not None
    folder, root = (files / location).resolve(), files.resolve()
    return folder != root and folder.is_relative_to(root)


def parts_of(files: Files, location: str) -> list[Part]:
    """All files in a folder; links are not followed. None where nothing is kept there."""
    if isinstance(files, Store):
        return _parts_in_store(files, location)
    folder = files / location
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = [(path, path.stat()) for path in paths]
    return [
        Part(path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime, _chunks(path)) for path, stat in found
    ]


def _parts_in_store(store: Store, location: str) -> list[Part]:
    tree, inner = tree_and_rest(location) or ("", "")
    contents = store.contents(tree) if tree else None
    below = sorted(contents.below(inner).items()) if contents else []
    return [
        Part(name.removeprefix(f"{inner}/"), kept.size, kept.modified, store.chunks(tree, name, kept))
        for name, kept in below
    ]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def kept_in(files: Files, area: str) -> list[str]:
    """The locations in an area: `datasets` or `runs`."""
    if isinstance(files, Store):
        return files.trees_in(area)
    return [f"{area}/{path.name}" for path in (files / area).glob("*")]


def changed_at(files: Files, location: str) -> datetime:
    if isinstance(files, Store):
        return files.changed(location)
    return datetime.fromtimestamp((files / location).stat().st_mtime, UTC)


def trouble_with_store(files: Files) -> str | None:
    """Why the place cannot be used now, as a sentence; of a folder, whoever uses it finds out."""
    return files.trouble() if isinstance(files, Store) else None


def named_from(files: Files, folder: Path, path: Path) -> str:
    """How a program that works in `folder` names a file of ours.

    Where every machine has a folder of its own, relatively: what is drawn by the name of a model, as samples are, must
    come out the same on each of them.
    """
    return str(path.resolve()) if isinstance(files, Path) else os.path.relpath(path, folder)
