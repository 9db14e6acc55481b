"""What shows that data or a model has changed: manifests of frozen files, digests of folders. No torch here."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from trainer.errors import TrainerError

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
CARD_NAME = "README.md"  # a model card


@dataclass(frozen=True)
class Manifest:
    """`counts` and `sha256` are by file name; `filter` says what was asked for, in the app's words.

    `excluded` says how many rows reviewers kept out, by reason; older manifests do not have it.
    """

    kind: Literal["demonstrations", "comparisons", "prompts"]
    counts: Mapping[str, int]
    sha256: Mapping[str, str]
    filter: Mapping[str, Any]
    split_rule: str
    created: str
    format_version: int = FORMAT_VERSION
    excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the kind and the files' digests: equal contents, equal digest, whenever frozen."""
        content = json.dumps([self.format_version, self.kind, dict(self.sha256)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class DatasetChanged(TrainerError):
    """A file is missing, or is not the one that was frozen."""


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(folder: Path) -> str:
    """SHA-256 over names and contents of a model's files, its card left out."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD_NAME):
        digest.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetChanged(f"{path} is missing.") from None
    except ValueError as error:
        raise DatasetChanged(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict) or {*values, "excluded"} != {item.name for item in fields(Manifest)}:
        raise DatasetChanged(f"{path} does not have the keys of a manifest.")
    if values["format_version"] != FORMAT_VERSION:
        raise DatasetChanged(f"{path} has format version {values['format_version']}; this is {FORMAT_VERSION}.")
    return Manifest(**values)


def verified_manifest(folder: Path) -> Manifest:
    """The manifest of `folder`, after each file was compared with its SHA-256. Raises `DatasetChanged`."""
    manifest = read_manifest(folder)
    for name, expected in manifest.sha256.items():
        path = folder / name
        if not path.is_file():
            raise DatasetChanged(f"{path} is missing.")
        if file_digest(path) != expected:
            raise DatasetChanged(f"{path} has changed since the dataset was frozen.")
    return manifest
