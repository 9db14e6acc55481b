import io
import tarfile
from pathlib import Path

from app.checkpoints.files import archived, is_ours, size_of
from app.checkpoints.models import Checkpoint
from app.files.place import parts_of


def test_an_archive_holds_every_file_whole_in_pieces_no_larger_than_a_chunk(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "part").mkdir(parents=True)
    contents = {"config.json": b"{}", "part/weights.safetensors": bytes(range(256)) * 10_000, "empty": b""}
    for name, content in contents.items():
        (model / name).write_bytes(content)
    (model / "link").symlink_to("/etc/passwd")
    pieces = list(archived(parts_of(tmp_path, "model"), "sft-1"))
    assert max(map(len, pieces)) <= 1 << 20
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        found = {entry.name: archive.extractfile(entry).read() for entry in archive}
    assert found == {f"sft-1/{name}": content for name, content in contents.items()}


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"4567")
    assert size_of(tmp_path) == 7


def test_only_what_lies_below_the_files_folder_is_ours(tmp_path: Path) -> None:
    locations = {"runs/1-sft/model": True, "../elsewhere": False, "/etc": False, ".": False, None: False}
    assert {at: is_ours(tmp_path, Checkpoint(location=at)) for at in locations} == locations
