import os
from datetime import timedelta

from app.clock import now
from app.datasets.folders import FORGOTTEN_AFTER, remove_forgotten_folders
from tests.app.datasets.test_freezing import freeze, imported, row
from tests.factories import make_project


def age(folder, age: timedelta):
    moment = (now() - age).timestamp()
    os.utime(folder, (moment, moment))


def test_only_old_folders_that_no_dataset_has_are_removed(session, tmp_path):
    project = make_project(session)
    imported(session, project, row(1))
    kept = tmp_path / freeze(session, tmp_path, project).location
    names = ("unfinished-by-a-crash", "7-renamed-before-the-crash", "unfinished-but-at-work")
    crashed, renamed, at_work = (tmp_path / "datasets" / name for name in names)
    for folder in (crashed, renamed, at_work):
        folder.mkdir()
        (folder / "comparisons.jsonl").write_text("{}\n")
    for folder in (kept, crashed, renamed):
        age(folder, FORGOTTEN_AFTER + timedelta(minutes=1))
    age(at_work, FORGOTTEN_AFTER - timedelta(minutes=1))
    assert {tmp_path / each for each in remove_forgotten_folders(session, tmp_path)} == {crashed, renamed}
    assert set((tmp_path / "datasets").iterdir()) == {kept, at_work}
    assert (kept / "manifest.json").is_file()


def test_a_store_without_datasets_holds_nothing_to_remove(session, tmp_path):
    assert remove_forgotten_folders(session, tmp_path) == []
