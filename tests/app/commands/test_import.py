import json
from importlib import import_module

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.annotations.models import Annotation
from app.config import settings
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.projects.queries import project_named
from tests.factories import make_project

COMPARISON = {
    "prompt_id": "p",
    "prompt": [{"role": "user", "content": "Why?"}],
    "completions": ["good", "bad", "worse"],
    "ranks": [1, 2, 2],
    "split": "train",
}


@pytest.fixture
def database(fresh_database, monkeypatch, tmp_path):
    """An empty database of its own with a project named Kind, which commands find by the settings."""
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    with transaction(fresh_database) as session:
        make_project(session, "Kind")
    yield fresh_database
    settings.cache_clear()


def run(command, *arguments):
    return CliRunner().invoke(import_module(f"app.commands.{command}").app, [str(each) for each in arguments])


def count(engine):
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(Annotation))


def test_a_file_is_imported_into_a_project(database, tmp_path):
    path = tmp_path / "rankings.jsonl"
    path.write_text(json.dumps(COMPARISON))
    result = run("import", "comparisons", path, "--project", "Kind")
    assert result.exit_code == 0
    assert "added: 1" in result.output
    assert count(database) == 1


def test_bad_lines_are_named_and_nothing_is_imported(database, tmp_path):
    path = tmp_path / "rankings.jsonl"
    path.write_text(json.dumps(COMPARISON) + "\n{}\n")
    result = run("import", "comparisons", path, "--project", "Kind")
    assert result.exit_code == 1
    assert "line 2: `prompt_id` is missing" in result.stderr
    assert count(database) == 0


@pytest.mark.usefixtures("database")
def test_a_project_that_is_not_there_is_said(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("{}")
    result = run("import", "prompts", path, "--project", "Other")
    assert "no project named Other" in str(result.exception)


def test_a_dataset_is_exported_by_name(database, tmp_path):
    path = tmp_path / "rankings.jsonl"
    path.write_text(json.dumps(COMPARISON))
    run("import", "comparisons", path, "--project", "Kind")
    with transaction(database) as session:
        project = project_named(session, "Kind")
        freeze_dataset(session, settings().files, project, "First", DatasetKind.COMPARISONS, DatasetFilter())
    result = run("export", "First", "--format", "trl-dpo", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert len((tmp_path / "out" / "train.jsonl").read_text().splitlines()) == 2
