import json
from importlib import import_module

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from app.config import settings
from app.db import transaction
from app.projects.models import Project
from app.quality.watching.noticing import look_at
from tests.app.quality.watching.test_watching import go_by_letters
from tests.factories import make_labeler, make_open_campaign, make_project


@pytest.fixture
def database(fresh_database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path):  # type: ignore[no-untyped-def]
    """A project in which one of two labelers goes by the letters."""
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    with transaction(fresh_database) as session:
        project: Project = make_project(session, "Kind")
        bad, _good = make_labeler(session), make_labeler(session)
        campaign = make_open_campaign(session, tasks=12, project=project)
        go_by_letters(session, bad, campaign, 12)
        look_at(session, campaign, bad)
    yield fresh_database
    settings.cache_clear()


def run(*arguments: object) -> Result:
    app = import_module("app.commands.report").app
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["labelers", "Kind", *(str(each) for each in arguments)])


@pytest.mark.usefixtures("database")
def test_labelers_are_printed_as_a_table_and_as_json() -> None:
    shown = run().output
    assert "Goes by the letters (pause)" in shown
    assert "1 of 1" in shown
    rows = json.loads(run("--json").output)["labelers"]
    assert [row["signs"] for row in rows] == ["position:pause", ""]
    assert json.loads(run("--json", "--people", "simulated").output)["labelers"] == []
