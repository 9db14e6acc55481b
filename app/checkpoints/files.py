"""The files of a checkpoint: how large they are, all of them as one archive, and how they go."""

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from app.checkpoints.models import Checkpoint
from app.files.place import Files, Part, is_below, remove


def is_ours(files: Files, checkpoint: Checkpoint) -> bool:
    """Whether the model lies below the files folder; what lies elsewhere is neither sent nor deleted."""
    if checkpoint.location is None:
        return False
    return is_below(files, checkpoint.location)


def size_of(folder: Path) -> int:
    """Bytes in all files of a model."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def archived(parts: Iterable[Part], name: str) -> Iterator[bytes]:
    """A tar archive of a folder under `name`, piece by piece; weights would not become smaller by compression."""
    for part in parts:
        entry = tarfile.TarInfo(f"{name}/{part.name}")
        entry.size, entry.mtime = part.size, int(part.modified)
        yield entry.tobuf(tarfile.PAX_FORMAT)
        yield from part.chunks
        yield b"\0" * (-part.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def remove_files(files: Files, location: str) -> None:
    """The model, and the checkpoints that its run might have been resumed from. May be done twice."""
    model = PurePosixPath(location)
    for folder in (model, model.parent / "checkpoints"):
        remove(files, folder.as_posix())
