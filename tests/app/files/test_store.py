"""The store on a real S3 server: whole trees or none, whatever breaks off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.files.place import Files, changed_at, fetched, keep, kept_in, parts_of, place_at, remove
from app.files.sending import Sending
from app.files.store import BLOCK, Store, StoreDamaged, StoreNotUsable, StoreUnreachable, tree_and_rest
from tests.stores import StoreMaker, needs_s3

pytestmark = needs_s3
LARGE = bytes(range(256)) * (BLOCK // 256) + b"and a little more"


def write(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_what_one_machine_keeps_another_reads(machine: StoreMaker) -> None:
    one, other = machine("one"), machine("other")
    contents = {"manifest.json": b"{}", "rows.jsonl": LARGE, "empty": b"", "deep/er": b"1"}
    write(one.scratch / "datasets/1-kites", contents)
    assert not fetched(other, "datasets/1-kites").exists()
    keep(one, "datasets/1-kites")
    assert read(fetched(other, "datasets/1-kites")) == contents
    assert fetched(other, "datasets/1-kites/deep/er").read_bytes() == b"1"
    assert kept_in(other, "datasets") == ["datasets/1-kites"]
    assert datetime.now(UTC) - changed_at(other, "datasets/1-kites") < timedelta(minutes=5)


def test_only_the_files_that_are_asked_for_are_fetched(machine: StoreMaker) -> None:
    one, other = machine("one"), machine("other")
    write(one.scratch / "runs/1-sample", {"samples.jsonl": b"{}\n", "model/weights": LARGE})
    keep(one, "runs/1-sample")
    fetched(other, "runs/1-sample/samples.jsonl")
    assert read(other.scratch) == {"runs/1-sample/samples.jsonl": b"{}\n"}


def test_a_file_that_changed_on_this_machine_is_fetched_anew(machine: StoreMaker) -> None:
    one = machine("one")
    write(one.scratch / "datasets/1-kites", {"rows.jsonl": b"true"})
    keep(one, "datasets/1-kites")
    write(one.scratch / "datasets/1-kites", {"rows.jsonl": b"lies"})
    assert fetched(one, "datasets/1-kites/rows.jsonl").read_bytes() == b"true"


def test_half_of_an_upload_is_nothing(machine: StoreMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = machine("one"), machine("other")
    write(one.scratch / "datasets/1-kites", {"a": b"1", "b": b"2"})

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(one, "publish", break_off)
    with pytest.raises(KeyboardInterrupt):
        keep(one, "datasets/1-kites")
    assert not fetched(other, "datasets/1-kites").exists()
    assert parts_of(other, "datasets/1-kites") == []
    remove(other, "datasets/1-kites")
    assert kept_in(other, "datasets") == []


@pytest.mark.parametrize("spoil", [lambda fs, path: fs.pipe_file(path, b"lies"), lambda fs, path: fs.rm(path)])
def test_an_object_that_is_not_what_was_kept_is_refused(machine: StoreMaker, spoil: Callable[[Any, str], None]) -> None:
    one, other = machine("one"), machine("other")
    write(one.scratch / "datasets/1-kites", {"rows.jsonl": b"true"})
    keep(one, "datasets/1-kites")
    (path,) = (path for path in one.fs.find(f"{one.root}/datasets") if path.endswith("rows.jsonl"))
    spoil(one.fs, path)
    with pytest.raises(StoreDamaged, match=r"datasets/1-kites/rows\.jsonl"):
        fetched(other, "datasets/1-kites")
    assert read(other.scratch) == {}
    with pytest.raises(StoreDamaged):
        b"".join(parts_of(other, "datasets/1-kites")[0].chunks)


def test_a_part_of_a_tree_is_removed_and_the_rest_stays(machine: StoreMaker) -> None:
    one, other = machine("one"), machine("other")
    write(one.scratch / "runs/1-sft", {"model/weights": b"1", "models": b"2", "checkpoints/step-1/state.pt": b"3"})
    keep(one, "runs/1-sft")
    for _ in range(2):
        remove(other, "runs/1-sft/model")
    assert parts_of(one, "runs/1-sft/model") == []
    assert {part.name: b"".join(part.chunks) for part in parts_of(one, "runs/1-sft")} == {
        "models": b"2",
        "checkpoints/step-1/state.pt": b"3",
    }
    assert not [path for path in one.fs.find(one.root) if path.endswith("weights")]
    for _ in range(2):
        remove(other, "runs/1-sft")
    assert one.fs.find(f"{one.root}/runs") == []


def sent(store: Store) -> Sending:
    sending = Sending(store, "runs/1-sft", store.check_out("runs/1-sft"))
    contents = sending.put()
    assert contents
    sending.publish(contents)
    return sending


def test_a_working_folder_becomes_what_was_sent_last(machine: StoreMaker) -> None:
    one, other = machine("one"), machine("other")
    write(one.scratch / "runs/1-sft", {"metrics.jsonl": b"1\n", "checkpoints/step-1/state.pt": b"1"})
    sent(one)
    write(other.scratch / "runs/1-sft", {"old": b"0", "checkpoints/step-2/state.pt": b"of a lost try"})
    other.check_out("runs/1-sft")
    assert read(other.scratch / "runs/1-sft") == {"metrics.jsonl": b"1\n", "checkpoints/step-1/state.pt": b"1"}
    write(other.scratch / "runs/1-sft", {"checkpoints/step-3/state.pt": b"3"})
    other.check_out("runs/1-sft")
    assert (other.scratch / "runs/1-sft/checkpoints/step-3/state.pt").exists(), "it goes on from what was sent last"
    sent(other)
    one.check_out("runs/1-sft")
    assert read(one.scratch / "runs/1-sft") == {"metrics.jsonl": b"1\n", "checkpoints/step-3/state.pt": b"3"}


def test_only_what_is_new_is_sent_and_what_nobody_needs_goes(machine: StoreMaker) -> None:
    store = machine("one")
    folder = store.scratch / "runs/1-sft"
    write(folder, {"log.txt": b"1\n", "checkpoints/step-1/state.pt": LARGE, "status.json": b"{}", ".passing": b""})
    sending = sent(store)
    assert sending.contents
    first = sending.contents.files
    assert first.keys() == {"log.txt", "checkpoints/step-1/state.pt"}
    assert sending.put() is None
    write(folder, {"log.txt": b"1\n2\n"})
    contents = sending.put()
    assert contents
    sending.publish(contents)
    assert contents.files["checkpoints/step-1/state.pt"] == first["checkpoints/step-1/state.pt"]
    write(folder, {"checkpoints/step-2/state.pt": b"2", "checkpoints/step-2/.metadata": b"m"})
    sending = sent(store)
    assert {part.name for part in parts_of(store, "runs/1-sft")} == {
        "log.txt",
        "checkpoints/step-2/state.pt",
        "checkpoints/step-2/.metadata",
    }
    assert len(store.fs.find(f"{store.root}/runs/1-sft")) == 4


def test_a_store_that_does_not_answer_says_what_to_do(machine: StoreMaker, s3_server: Any) -> None:
    store = machine("one")
    assert store.trouble() is None
    write(store.scratch / "datasets/1-kites", {"a": b"1"})
    s3_server.stop()
    try:
        for ask in (lambda: keep(store, "datasets/1-kites"), lambda: fetched(store, "datasets/1-kites")):
            with pytest.raises(StoreUnreachable, match="See that it runs, and that RONDO_FILES"):
                ask()
        assert "does not do what it is asked" in (store.trouble() or "")
    finally:
        s3_server.start()


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_trouble(tmp_path: Path) -> None:
    store = Store("s3://no-such-bucket/team", tmp_path)
    assert "bucket" in (store.trouble() or "")
    write(store.scratch / "datasets/1-kites", {"a": b"1"})
    with pytest.raises(StoreUnreachable):
        keep(store, "datasets/1-kites")


def test_an_address_that_nobody_serves_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreNotUsable, match="RONDO_FILES cannot be nothing://here"):
        place_at("nothing://here", tmp_path)
    folder: Files = place_at(str(tmp_path), tmp_path / "own")
    assert folder == tmp_path


def test_only_datasets_and_runs_are_in_the_store() -> None:
    assert tree_and_rest("runs/3-sft/model/a.json") == ("runs/3-sft", "model/a.json")
    assert tree_and_rest("datasets/1-kites") == ("datasets/1-kites", "")
    for elsewhere in ("owner/model", "/runs/3-sft", "runs", "runs/../3-sft", ""):
        assert tree_and_rest(elsewhere) is None
