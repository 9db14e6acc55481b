import io
import json
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from app import schema
from app.backup import BackupDamaged, BackupExists, NotEmpty, _add_everything, restore_backup, write_backup
from app.db import connect, transaction
from app.runs.models import Stage
from app.runs.service import enqueue_run
from tests.factories import make_campaign, make_project, make_tasks


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    (folder / "datasets" / "1").mkdir(parents=True)
    (folder / "datasets" / "1" / "comparisons.jsonl").write_text('{"ranks": [1, 1, 2]}\n')
    (folder / "a name é").write_bytes(bytes(range(256)))
    (folder / "empty").touch()
    return folder


@pytest.fixture
def filled(fresh_database):
    with transaction(fresh_database) as session:
        make_tasks(session, make_campaign(session), number=3)
    return fresh_database


@pytest.fixture
def empty(clone):
    with clone() as engine:
        schema.downgrade(engine, "base")
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
        yield engine


def rows(engine):
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table: sorted(connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars())  # noqa: S608
            for table in inspect(engine).get_table_names()
        }


def contents(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def altered(archive: Path, name: str, data: bytes | None) -> Path:
    """A copy of the archive in which one member is replaced, or left out."""
    copy = archive.with_name("altered.tar")
    with tarfile.open(archive) as old, tarfile.open(copy, "w") as new:
        for member in old:
            content = old.extractfile(member).read()
            if member.name == name:
                if data is None:
                    continue
                content, member.size = data, len(data)
            new.addfile(member, io.BytesIO(content))
    return copy


def test_a_backup_restores_the_same_rows_and_files(filled, empty, files, tmp_path):
    write_backup(filled, files, tmp_path / "backup.tar")
    restore_backup(empty, tmp_path / "restored" / "files", tmp_path / "backup.tar")
    assert len(rows(filled)["tasks"]) == 3
    assert rows(empty) == rows(filled)
    assert contents(tmp_path / "restored" / "files") == contents(files)
    schema.require_current(empty)


def test_a_restored_database_goes_on_counting(filled, empty, files, tmp_path):
    write_backup(filled, files, tmp_path / "backup.tar")
    restore_backup(empty, tmp_path / "restored" / "files", tmp_path / "backup.tar")
    with Session(empty) as session:
        make_campaign(session)
        session.commit()


def test_no_new_run_is_given_the_folder_of_one_that_began_during_the_backup(filled, empty, files, tmp_path):
    (files / "runs" / "7-pretrain").mkdir(parents=True)
    (files / "runs" / "7-pretrain" / "config.json").write_text("{}")
    write_backup(filled, files, tmp_path / "backup.tar")
    restore_backup(empty, tmp_path / "restored" / "files", tmp_path / "backup.tar")
    with Session(empty) as session:
        assert enqueue_run(session, make_project(session), Stage.PRETRAIN, {"texts": "texts.jsonl"}).id == 8


def test_a_backup_without_files_is_a_backup(filled, empty, tmp_path):
    write_backup(filled, tmp_path / "none", tmp_path / "backup.tar")
    restore_backup(empty, tmp_path / "restored", tmp_path / "backup.tar")
    assert rows(empty) == rows(filled)


def test_files_that_a_run_deletes_meanwhile_are_passed_over(filled, files, tmp_path):
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        added = []
        for name, _ in _add_everything(archive, filled, files, tmp_path):
            added.append(name)
            (files / "empty").unlink(missing_ok=True)
    assert added == ["database.dump", "files/a name é", "files/datasets/1/comparisons.jsonl"]
    with tarfile.open(tmp_path / "archive.tar") as archive:
        assert archive.getnames() == added


def test_a_database_that_does_not_answer_is_said_so(tmp_path):
    nowhere = connect(f"postgresql+psycopg:///rondo?host={tmp_path}")
    with pytest.raises(schema.DatabaseUnreachable):
        restore_backup(nowhere, tmp_path / "restored", tmp_path / "backup.tar")


def test_a_backup_overwrites_nothing(filled, files, tmp_path):
    (tmp_path / "backup.tar").write_text("precious")
    with pytest.raises(BackupExists):
        write_backup(filled, files, tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_text() == "precious"


def test_a_database_in_use_is_not_restored_into(filled, files, tmp_path):
    write_backup(filled, files, tmp_path / "backup.tar")
    with pytest.raises(NotEmpty, match="the database is not empty"):
        restore_backup(filled, tmp_path / "restored", tmp_path / "backup.tar")


def test_a_folder_in_use_is_not_restored_into(filled, empty, files, tmp_path):
    write_backup(filled, files, tmp_path / "backup.tar")
    with pytest.raises(NotEmpty):
        restore_backup(empty, files, tmp_path / "backup.tar")
    assert rows(empty) == {}


@pytest.mark.parametrize(
    ("member", "data"),
    [("files/empty", b"no longer"), ("files/empty", None), ("database.dump", b"PGDMP"), ("manifest.json", None)],
)
def test_an_archive_that_differs_from_its_manifest_is_refused(member, data, filled, empty, files, tmp_path):
    write_backup(filled, files, tmp_path / "backup.tar")
    with pytest.raises(BackupDamaged):
        restore_backup(empty, tmp_path / "restored", altered(tmp_path / "backup.tar", member, data))
    assert rows(empty) == {}
    assert not (tmp_path / "restored").exists()


def test_an_archive_cut_short_is_refused(filled, empty, files, tmp_path):
    write_backup(filled, files, tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupDamaged):
        restore_backup(empty, tmp_path / "restored", tmp_path / "half.tar")
    assert rows(empty) == {}


def test_a_backup_of_a_newer_rondo_is_refused(filled, empty, files, tmp_path):
    manifest = write_backup(filled, files, tmp_path / "backup.tar")
    newer = json.dumps({**manifest.model_dump(mode="json"), "revision": "from_the_future"}).encode()
    with pytest.raises(schema.SchemaNewer, match="from_the_future"):
        restore_backup(empty, tmp_path / "restored", altered(tmp_path / "backup.tar", "manifest.json", newer))
    assert rows(empty) == {}
