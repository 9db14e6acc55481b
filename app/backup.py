"""A backup: one tar archive of the database's dump, every file, and last a manifest of their digests.

Where files are kept in a store they stay there: a store has copies of its own, and is too large for an archive.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Engine, inspect, text

from app import clock, schema
from app.binaries import newest_binaries
from app.errors import DomainError, message
from app.files.place import Files, here, kept_in
from app.files.sending import files_below
from app.files.store import Store
from app.translation import gettext

DUMP, FILES, MANIFEST = "database.dump", "files", "manifest.json"
NUMBERED = ("datasets", "runs")  # tables whose rows have a folder that begins with their number


class BackupExists(DomainError):
    sentence = message("{path} is there already. Choose another name.")


class DumpFailed(DomainError):
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    sentence = message("{program} failed: {reason}")


class BackupDamaged(DomainError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    sentence = message("{path} is no complete backup: {reason}. Nothing was restored.")


class NotEmpty(DomainError):
    sentence = message(
        "A backup is restored into an empty Rondo only, and {what} is not empty. "
        "Set RONDO_HOME, or RONDO_DATABASE_URL too, to a new place."
    )


class StoreMissing(DomainError):
    sentence = message(
        "The files that {path} speaks of are in {store}. Set RONDO_FILES so that Rondo finds them there."
    )


class Manifest(BaseModel):
    """`files` has the SHA-256 of every member of the archive, the dump among them; `store`: where the others are."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    rondo: str
    revision: str
    created: datetime
    files: dict[str, str]
    store: str | None = None


def write_backup(engine: Engine, files: Files, target: Path) -> Manifest:
    """Raises BackupExists, DumpFailed, and what `schema.require_current` raises. Rondo may be at work meanwhile."""
    if target.exists():
        raise BackupExists(path=target)
    schema.require_current(engine)
    with TemporaryDirectory(dir=target.parent, prefix=".rondo-backup-") as folder:
        unfinished = Path(folder) / "archive.tar"
        with tarfile.open(unfinished, "w", dereference=True) as archive:
            digests = dict(_add_everything(archive, engine, files, Path(folder)))
            manifest = Manifest(
                rondo=version("rondo"),
                revision=schema.head_revision(),
                created=clock.now(),
                files=digests,
                store=files.url if isinstance(files, Store) else None,
            )
            _add_text(archive, MANIFEST, manifest.model_dump_json(indent=2))
        unfinished.rename(target)
    return manifest


def restore_backup(engine: Engine, files: Files, archive: Path) -> Manifest:
    """All or nothing. Raises NotEmpty, BackupDamaged, StoreMissing, SchemaNewer, DumpFailed, DatabaseUnreachable.

    Files of the archive are restored into a folder, those of a store are left there.
    """
    if schema.current_revision(engine) or inspect(engine).get_table_names():
        raise NotEmpty(what="the database")
    own = here(files)
    if own.exists() and any(own.iterdir()):
        raise NotEmpty(what=own)
    own.parent.mkdir(parents=True, exist_ok=True)
    with _unpacked(archive, own.parent) as (folder, manifest):
        if manifest.store != (files.url if isinstance(files, Store) else None):
            raise StoreMissing(path=archive, store=manifest.store or gettext("the archive, to be put into a folder"))
        if not schema.is_known(manifest.revision):
            raise schema.SchemaNewer(found=manifest.revision)
        try:
            if (folder / FILES).exists():
                shutil.copytree(folder / FILES, own, dirs_exist_ok=True)
            _run("pg_restore", engine, "--single-transaction", "--no-owner", "--no-privileges", str(folder / DUMP))
            _pass_over_numbers_in(files, engine)
        except BaseException:
            shutil.rmtree(own, ignore_errors=True)
            raise
    return manifest


def _pass_over_numbers_in(files: Files, engine: Engine) -> None:
    """A folder may be newer than the dump: no run or dataset to come may be given its number, and so its files."""
    advance = text(
        "SELECT setval(sequence, greatest(:last, nextval(sequence))) FROM pg_get_serial_sequence(:area, 'id') sequence"
    )
    with engine.begin() as connection:
        for area in NUMBERED:
            numbers = (re.match(r"\d+", location.rpartition("/")[2]) for location in kept_in(files, area))
            last = max((int(number[0]) for number in numbers if number), default=1)
            connection.execute(advance, {"area": area, "last": last})


def _add_everything(archive: tarfile.TarFile, engine: Engine, files: Files, folder: Path) -> Iterator[tuple[str, str]]:
    """The dump comes first: a file is written before the row that names it, so no row lacks its file."""
    dump = folder / DUMP
    _run("pg_dump", engine, "--format=custom", f"--file={dump}")
    yield DUMP, _add_file(archive, DUMP, dump)
    for path in [] if isinstance(files, Store) else files_below(files):
        name = f"{FILES}/{path.relative_to(here(files)).as_posix()}"
        with suppress(FileNotFoundError):  # a run that goes on deletes its older checkpoints
            yield name, _add_file(archive, name, path)


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> str:
    """Gives the digest of what went into the archive, even of a file that grows meanwhile."""
    with path.open("rb") as file:
        reader = _DigestingReader(file)
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), reader)  # type: ignore[arg-type]
    return reader.digest.hexdigest()


class _DigestingReader:
    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, BytesIO(data))


@contextmanager
def _unpacked(archive: Path, beside: Path) -> Iterator[tuple[Path, Manifest]]:
    """The archive's content in a passing folder, once every digest is right. Raises BackupDamaged."""
    with TemporaryDirectory(dir=beside, prefix=".rondo-restore-") as name:
        folder = Path(name)
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
            manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        except (OSError, tarfile.TarError, ValidationError) as error:
            raise BackupDamaged(path=archive, reason=_first_line(error)) from error
        found = {path.relative_to(folder).as_posix(): _digest(path) for path in folder.rglob("*") if path.is_file()}
        del found[MANIFEST]
        wrong = sorted({member for member, _ in found.items() ^ manifest.files.items()})
        if wrong:
            raise BackupDamaged(
                path=archive, reason=gettext("{files} is not what the manifest says").format(files=", ".join(wrong[:5]))
            )
        yield folder, manifest


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(program: str, engine: Engine, *arguments: str) -> None:
    """The password goes by the environment: everybody on the machine can read a command line."""
    url = engine.url.set(drivername="postgresql", password=None).render_as_string()
    environment = {**os.environ, "PGPASSWORD": str(engine.url.password or "")}
    command = [str(newest_binaries() / program), f"--dbname={url}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise DumpFailed(program=program, reason=done.stderr.strip())
