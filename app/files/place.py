"""Where datasets, runs and models are kept; whoever reads or writes them names them by their path below that place."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

CHUNK = 1 << 20

Files = Path
"""The place: a folder that everybody who works with the database can reach."""


@dataclass(frozen=True)
class Part:
    """One file of several, `name` with slashes; `size` in bytes."""

    name: str
    size: int
    modified: float
    chunks: Iterable[bytes]


def here(files: Files) -> Path:
    """The folder on this machine in which files are made and read."""
    return files


def fetched(files: Files, location: str) -> Path:
    """A file or folder as it can be read on this machine; there is nothing at the path where none was kept."""
    return files / location


def keep(files: Files, location: str) -> None:
    """What was made in the folder `here` is there for everybody from now on."""


def remove(files: Files, location: str) -> None:
    """May be done twice."""
    shutil.rmtree(files / location, ignore_errors=True)


def is_below(files: Files, location: str) -> bool:
    """Whether the path leads to what we keep, and not elsewhere."""
    folder, root = (files / location).resolve(), files.resolve()
    return folder != root and folder.is_relative_to(root)


def parts_of(files: Files, location: str) -> list[Part]:
    """All files in a folder; links are not followed. None where nothing is kept there."""
    folder = files / location
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [_part(path, path.relative_to(folder)) for path in paths]


def _part(path: Path, name: PurePosixPath | Path) -> Part:
    found = path.stat()
    return Part(name.as_posix(), found.st_size, found.st_mtime, _Chunks(path))


@dataclass(frozen=True)
class _Chunks:
    path: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def kept_in(files: Files, area: str) -> dict[str, datetime]:
    """The locations in an area (`datasets`, `runs`), and when each was changed last."""
    return {
        f"{area}/{path.name}": datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in (files / area).glob("*")
    }
