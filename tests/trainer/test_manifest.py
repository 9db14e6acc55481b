from pathlib import Path

import pytest

from tests.trainer.tiny import make_demonstration
from trainer.manifest import MANIFEST_NAME, DatasetChanged, Manifest, file_digest, verified_manifest, write_manifest
from trainer.records import write_lines


def frozen(folder: Path) -> Manifest:
    write_lines(folder / "demonstrations.jsonl", [make_demonstration()])
    sha256 = {"demonstrations.jsonl": file_digest(folder / "demonstrations.jsonl")}
    counts = {"demonstrations.jsonl": 1}
    manifest = Manifest("demonstrations", counts, sha256, {"project": "1"}, "by prompt", "2026-01-01T00:00:00Z")
    write_manifest(folder, manifest)
    return manifest


def test_an_untouched_dataset_is_verified(tmp_path: Path) -> None:
    manifest = frozen(tmp_path)
    assert verified_manifest(tmp_path) == manifest
    assert verified_manifest(tmp_path).digest == manifest.digest


def test_a_changed_or_missing_file_is_found(tmp_path: Path) -> None:
    frozen(tmp_path)
    path = tmp_path / "demonstrations.jsonl"
    path.write_text(path.read_text().replace("cheap", "dear"))
    with pytest.raises(DatasetChanged, match="has changed"):
        verified_manifest(tmp_path)
    path.unlink()
    with pytest.raises(DatasetChanged, match="is missing"):
        verified_manifest(tmp_path)


def test_a_manifest_from_before_there_were_reviews_is_read(tmp_path: Path) -> None:
    manifest = frozen(tmp_path)
    path = tmp_path / MANIFEST_NAME
    path.write_text(path.read_text().replace(',\n  "excluded": {}', ""))
    assert "excluded" not in path.read_text()
    assert verified_manifest(tmp_path) == manifest
