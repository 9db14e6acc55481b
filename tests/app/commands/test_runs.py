import json

import pytest
from typer.testing import CliRunner

from app.commands.runs import app
from app.config import settings
from app.db import transaction
from app.runs.models import Stage
from app.runs.service import RunNotFailed, enqueue_run
from tests.factories import make_project


@pytest.fixture(autouse=True)
def number(fresh_database, monkeypatch):
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "220")
    settings.cache_clear()
    with transaction(fresh_database) as session:
        project = make_project(session, "Kites")
        number = enqueue_run(session, project, Stage.PRETRAIN, {"texts": "texts.jsonl", "seed": 7}).id
        enqueue_run(session, make_project(session, "Other"), Stage.PRETRAIN, {"texts": "texts.jsonl"})
    yield number
    settings.cache_clear()


def run(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None, result.exception
    return result.output


def test_runs_are_listed_by_project_and_state(number):
    assert [each["id"] for each in json.loads(run("list", "--project", "Kites", "--json"))] == [number]
    assert json.loads(run("list", "--state", "failed", "--json")) == []
    assert "pretrain" in run("list")


def test_a_run_is_shown_cancelled_and_tried_again(number):
    assert json.loads(run("show", number, "--json"))["settings"]["seed"] == 7
    with pytest.raises(RunNotFailed):
        CliRunner().invoke(app, ["retry", str(number)], catch_exceptions=False)
    run("cancel", number)
    assert json.loads(run("show", number, "--json"))["state"] == "cancelled"
    run("retry", number)
    assert "queued" in run("show", number)
