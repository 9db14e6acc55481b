"""An object store, as `s3://bucket/prefix`, before which each machine has a folder of its own to work in.

What belongs together, a dataset or a run, is a tree. Its objects are never written twice; `files.json`, written last,
says which of them it consists of and what they hold. So half of a tree is never taken for the whole, and two who send
the same one cannot mix what they sent.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from secrets import token_hex
from threading import Lock
from typing import Any

import fsspec
from pydantic import BaseModel, ConfigDict

from app.errors import DomainError, message
from trainer.manifest import file_digest

AREAS = ("datasets", "runs")
CONTENTS = "files.json"
STAGING = ".sending"  # in a working folder: what is just sent
MARK = ".version"  # in a working folder: which contents it has, or goes on from
BLOCK, AT_ONCE = 8 << 20, 4  # bytes of one request, and requests at the same time
SENT_AT_ONCE = 32 << 20  # bytes of a part of a large object
CHUNK = 1 << 20
ASKED_EVERY = 10.0  # seconds
S3 = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}}}
OPTIONS: Mapping[str, Mapping[str, Any]] = {"s3": S3, "s3a": S3, "file": {"auto_mkdir": True}}


class StoreUnreachable(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message(
        "The store {store} does not do what it is asked: {reason}. See that it runs, and that RONDO_FILES and its keys "
        "are right. Nothing is lost: what waits for it goes on when it answers."
    )


class StoreDamaged(DomainError):
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    sentence = message(
        "{file} in the store {store} is not what was kept there. Bring it back from a copy of the store."
    )


class StoreNotUsable(DomainError):
    sentence = message("RONDO_FILES cannot be {store}: {reason}.")


class Kept(BaseModel):
    """A file: its object below the tree, its bytes and their SHA-256, and when it was changed (Unix time)."""

    model_config = ConfigDict(frozen=True)

    object: str
    size: int
    sha256: str
    modified: float


class Contents(BaseModel):
    """What a tree consists of, by name."""

    model_config = ConfigDict(frozen=True)

    version: str
    files: dict[str, Kept]

    def below(self, inner: str) -> dict[str, Kept]:
        """The file of this name, or those in the folder of this name."""
        return {name: kept for name, kept in self.files.items() if PurePosixPath(name).is_relative_to(inner)}


def tree_and_rest(location: str) -> tuple[str, str] | None:
    """`runs/3-sft/model` is `model` in the tree `runs/3-sft`. None where the path leads to nothing of ours."""
    parts = PurePosixPath(location).parts
    if len(parts) < 2 or parts[0] not in AREAS or ".." in parts:
        return None
    return "/".join(parts[:2]), "/".join(parts[2:])


class Store:
    """Raises `StoreNotUsable`; whatever asks the store raises `StoreUnreachable`."""

    def __init__(self, url: str, scratch: Path) -> None:
        self.url, self.scratch = url.rstrip("/"), scratch.resolve()
        try:
            options = OPTIONS.get(url.partition("://")[0], {})
            self.fs, root = fsspec.url_to_fs(self.url, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise StoreNotUsable(store=url, reason=error) from error
        self.root = root.rstrip("/")
        self._asked, self._reason, self._one_asks = -ASKED_EVERY, "", Lock()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Every kind of store has errors of its own, and so do the libraries below it."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Where nothing is read, something missing is the bucket itself."""
        try:
            with self._asking():
                yield
        except FileNotFoundError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> StoreUnreachable:
        lines = str(error).strip().splitlines()
        self._asked, self._reason = time.monotonic(), (lines[0] if lines else type(error).__name__).rstrip(".")
        return StoreUnreachable(store=self.url, reason=self._reason)

    def trouble(self) -> str | None:
        """Why it cannot be used now, as a sentence; it is asked every ten seconds at most."""
        with self._one_asks:
            if time.monotonic() - self._asked >= ASKED_EVERY:
                with suppress(StoreUnreachable):
                    self._ask()
        return str(StoreUnreachable(store=self.url, reason=self._reason)) if self._reason else None

    def _ask(self) -> None:
        try:
            with self._asking():
                self.fs.ls(self.root, detail=False)
        except FileNotFoundError:  # nothing was kept yet, or there is no such bucket
            with self._writing():
                self.fs.pipe_file(f"{self.root}/.rondo", b"")
        self._asked, self._reason = time.monotonic(), ""

    def contents(self, tree: str) -> Contents | None:
        """None where nothing was kept, or nothing whole."""
        try:
            with self._asking():
                return Contents.model_validate_json(self.fs.cat_file(f"{self.root}/{tree}/{CONTENTS}"))
        except FileNotFoundError:
            return None

    def chunks(self, tree: str, name: str, kept: Kept) -> Iterator[bytes]:
        """Raises `StoreDamaged`, if need be at the end."""
        key, digest = f"{self.root}/{tree}/{kept.object}", hashlib.sha256()
        try:
            for first in range(0, kept.size, BLOCK * AT_ONCE):
                starts = range(first, min(first + BLOCK * AT_ONCE, kept.size), BLOCK)
                ends = [min(start + BLOCK, kept.size) for start in starts]
                with self._asking():
                    blocks = self.fs.cat_ranges([key] * len(starts), list(starts), ends, on_error="raise")
                for block in blocks:
                    digest.update(block)
                    yield block
        except FileNotFoundError as error:
            raise StoreDamaged(file=f"{tree}/{name}", store=self.url) from error
        if digest.hexdigest() != kept.sha256:
            raise StoreDamaged(file=f"{tree}/{name}", store=self.url)

    def fetch(self, location: str) -> Path:
        """Of a run under way only its own worker may do so: this machine may be the one that does it.

        What is here already is compared with what was kept. Raises `StoreDamaged`.
        """
        found = tree_and_rest(location)
        contents = self.contents(found[0]) if found else None
        if found and contents:
            for name, kept in contents.below(found[1]).items():
                self._bring(found[0], name, kept)
        return self.scratch / location

    def _bring(self, tree: str, name: str, kept: Kept) -> None:
        path = self.scratch / tree / name
        if path.is_file() and path.stat().st_size == kept.size and file_digest(path) == kept.sha256:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{token_hex(4)}")
        try:
            with unfinished.open("wb") as file:
                file.writelines(self.chunks(tree, name, kept))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def check_out(self, tree: str) -> Contents | None:
        """Makes the working folder what was sent last; it stays where it goes on from exactly that."""
        folder, contents = self.scratch / tree, self.contents(tree)
        if contents and _read_mark(folder) != contents.version:
            shutil.rmtree(folder, ignore_errors=True)
            self.fetch(tree)
            self.mark(tree, contents)
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)  # by a worker that was killed
        return contents

    def mark(self, tree: str, contents: Contents) -> None:
        (self.scratch / tree / MARK).write_text(contents.version, encoding="utf-8")

    def put(self, tree: str, version: str, name: str, path: Path) -> Kept:
        """One file, as long as it is now, however it grows meanwhile. Nobody sees it before `publish`."""
        digest, sent = hashlib.sha256(), 0
        with path.open("rb") as source:
            found = os.fstat(source.fileno())
            key = f"{tree}/{version}/{name}"
            with self._writing(), self.fs.open(f"{self.root}/{key}", "wb", block_size=SENT_AT_ONCE) as target:
                while chunk := source.read(min(CHUNK, found.st_size - sent)):
                    digest.update(chunk)
                    target.write(chunk)
                    sent += len(chunk)
        return Kept(object=f"{version}/{name}", size=sent, sha256=digest.hexdigest(), modified=found.st_mtime)

    def publish(self, tree: str, contents: Contents) -> None:
        """From now on the tree is this."""
        with self._writing():
            self.fs.pipe_file(f"{self.root}/{tree}/{CONTENTS}", contents.model_dump_json().encode())

    def sweep(self, tree: str, contents: Contents) -> None:
        """Objects that are no part of the tree (any more) go; only who may publish it may do so."""
        known = {f"{self.root}/{tree}/{kept.object}" for kept in contents.files.values()}
        with self._writing():
            others = set(self.fs.find(f"{self.root}/{tree}")) - known - {f"{self.root}/{tree}/{CONTENTS}"}
            if others:
                self.fs.rm(sorted(others))

    def keep(self, tree: str) -> None:
        """A folder that is complete and never changes again."""
        folder, version = self.scratch / tree, token_hex(8)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        names = {path.relative_to(folder).as_posix(): path for path in paths}
        contents = Contents(
            version=version, files={name: self.put(tree, version, name, path) for name, path in names.items()}
        )
        self.publish(tree, contents)

    def remove(self, location: str) -> None:
        """May be done twice. What is left of a tree stays whole at every moment."""
        shutil.rmtree(self.scratch / location, ignore_errors=True)
        found = tree_and_rest(location)
        if not found:
            return
        tree, inner = found
        contents = self.contents(tree) if inner else None
        if contents is None:
            if not inner:
                self._remove_tree(tree)
            return
        gone = contents.below(inner)
        if gone:
            left = {name: kept for name, kept in contents.files.items() if name not in gone}
            contents = Contents(version=token_hex(8), files=left)
            self.publish(tree, contents)
        self.sweep(tree, contents)

    def _remove_tree(self, tree: str) -> None:
        """What says that it is there goes first."""
        with suppress(FileNotFoundError), self._asking():
            self.fs.rm(f"{self.root}/{tree}/{CONTENTS}")
        with suppress(FileNotFoundError), self._asking():
            self.fs.rm(f"{self.root}/{tree}", recursive=True)

    def trees_in(self, area: str) -> list[str]:
        try:
            with self._asking():
                found = self.fs.ls(f"{self.root}/{area}", detail=False)
        except FileNotFoundError:
            return []
        return [f"{area}/{PurePosixPath(path).name}" for path in found]

    def changed(self, tree: str) -> datetime:
        """When the newest of its objects was written."""
        with self._writing():
            written: list[datetime] = [self.fs.modified(path) for path in self.fs.find(f"{self.root}/{tree}")]
        return max(written).astimezone(UTC)


def _read_mark(folder: Path) -> str | None:
    try:
        return (folder / MARK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
