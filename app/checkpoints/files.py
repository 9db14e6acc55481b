"""The files of a checkpoint: how large they are, all of them as one archive, and how they go."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from app.checkpoints.models import Checkpoint

CHUNK = 1 << 20


def is_ours(files: Path, checkpoint: Checkpoint) -> bool:
    """Whether the model lies below the files folder; what lies elsewhere is neither sent nor deleted."""
    if checkpoint.location is None:
        return False
    folder, root = (files / checkpoint.location).resolve(), files.resolve()
    return folder != root and folder.is_relative_to(root)


def size_of(folder: Path) -> int:
    """Bytes in all files of a model."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def archived(folder: Path, name: str) -> Iterator[bytes]:
    """A tar archive of the folder under `name`, piece by piece; weights would not become smaller by compression."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        size = path.stat().st_size
        entry = tarfile.TarInfo(f"{name}/{path.relative_to(folder).as_posix()}")
        entry.size, entry.mtime = size, int(path.stat().st_mtime)
        yield entry.tobuf(tarfile.PAX_FORMAT)
        yield from _chunks(path)
        yield b"\0" * (-size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def remove_files(files: Path, location: str) -> None:
    """The model, and the checkpoints that its run might have been resumed from. May be done twice."""
    model = files / location
    for folder in (model, model.parent / "checkpoints"):
        shutil.rmtree(folder, ignore_errors=True)
