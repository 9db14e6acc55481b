import io
import itertools
import json
import zipfile

import pyarrow.parquet as pq
import pytest

from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.datasets.exporting import (
    DatasetDamaged,
    FolderNotEmpty,
    NoSuchExport,
    exported,
    preference_rows,
    write_export,
)
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.datasets.sending import zipped
from tests.factories import make_project
from trainer.manifest import verified_manifest
from trainer.records import Comparison, Message


def comparison(ranks, texts=None):
    k = len(texts or ranks)
    return Comparison(
        annotation_id="1",
        task_id="1",
        prompt_id="1",
        prompt=(Message("user", "Why?"),),
        completion_ids=tuple(map(str, range(k))),
        completions=tuple(texts or (f"text {n}" for n in range(k))),
        authors=((),) * k,
        ranks=ranks,
        ratings=({},) * k,
        prompt_ratings={},
    )


def pairs(*given):
    return [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in preference_rows(comparison(*given))]


def test_every_untied_pair_becomes_a_row():
    assert pairs((1, 2, 2)) == [("text 0", "text 1"), ("text 0", "text 2")]
    assert pairs((2, 1)) == [("text 1", "text 0")]
    assert pairs((1, 1, 1)) == []


def test_outputs_without_text_and_ratings_without_ranks_make_no_pairs():
    assert pairs((1, 2, 3), ("a", None, "c")) == [("a", "c")]
    assert pairs(None, ("a", "b")) == []


@pytest.fixture
def frozen(session, tmp_path):
    """Twenty comparisons and twenty demonstrations, each kind frozen below `tmp_path`."""
    project = make_project(session)
    prompts = [{"prompt_id": "p", "prompt": [{"role": "user", "content": f"Number {n}?"}]} for n in range(20)]
    judged = [{**prompt, "completions": ["yes", "no", "oh"], "ranks": [1, 2, 2]} for prompt in prompts]
    written = [{**prompt, "completion": "Yes."} for prompt in prompts]
    for bring, rows in ((import_comparisons, judged), (import_demonstrations, written)):
        bring(session, project, io.BytesIO("\n".join(map(json.dumps, rows)).encode()), source="file")
    return {
        kind: freeze_dataset(session, tmp_path, project, kind.value, kind, DatasetFilter())
        for kind in (DatasetKind.COMPARISONS, DatasetKind.DEMONSTRATIONS)
    }


def test_trl_rows_come_in_a_file_for_each_split(frozen, tmp_path):
    written = write_export(exported(tmp_path, frozen[DatasetKind.COMPARISONS], "trl-reward"), tmp_path / "out")
    assert [path.name for path in written] == ["test.jsonl", "train.jsonl", "validation.jsonl"]
    by_file = [[json.loads(line) for line in path.read_text().splitlines()] for path in written]
    assert sum(map(len, by_file)) == 40
    prompts = [{row["prompt"][0]["content"] for row in rows} for rows in by_file]
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(prompts, 2))


def test_our_own_export_is_the_frozen_folder_itself(frozen, tmp_path):
    dataset = frozen[DatasetKind.DEMONSTRATIONS]
    write_export(exported(tmp_path, dataset, "rondo"), tmp_path / "out")
    assert verified_manifest(tmp_path / "out").digest == dataset.digest


def test_a_zip_archive_holds_the_same_bytes(frozen, tmp_path):
    dataset = frozen[DatasetKind.COMPARISONS]
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zipped(exported(tmp_path, dataset, "rondo"), "first"))))
    frozen_bytes = (tmp_path / dataset.location / "comparisons.jsonl").read_bytes()
    assert archive.testzip() is None
    assert archive.read("first/comparisons.jsonl") == frozen_bytes


@pytest.mark.parametrize("kind", [DatasetKind.COMPARISONS, DatasetKind.DEMONSTRATIONS])
def test_parquet_holds_the_rows_of_the_frozen_file(frozen, tmp_path, kind):
    dataset = frozen[kind]
    write_export(exported(tmp_path, dataset, "parquet"), tmp_path / "out")
    table = pq.ParquetFile(tmp_path / "out" / f"{kind}.parquet")
    lines = (tmp_path / dataset.location / f"{kind}.jsonl").read_text().splitlines()
    assert (tmp_path / "out" / "manifest.json").exists()
    rows = table.read().to_pylist()
    for row in rows:
        row.pop("evidence", None)
        if kind is DatasetKind.COMPARISONS:
            row["ratings"] = [json.loads(each) for each in row["ratings"]]
            row["prompt_ratings"] = json.loads(row["prompt_ratings"])
    assert rows == [json.loads(line) for line in lines]


def test_a_file_that_was_changed_is_not_exported(frozen, tmp_path):
    dataset = frozen[DatasetKind.COMPARISONS]
    with (tmp_path / dataset.location / "comparisons.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(DatasetDamaged, match="changed"):
        exported(tmp_path, dataset, "trl-dpo")


def test_what_does_not_fit_is_refused(frozen, tmp_path):
    with pytest.raises(NoSuchExport, match="trl-sft"):
        exported(tmp_path, frozen[DatasetKind.COMPARISONS], "trl-sft")
    with pytest.raises(FolderNotEmpty):
        write_export(exported(tmp_path, frozen[DatasetKind.COMPARISONS], "rondo"), tmp_path)
