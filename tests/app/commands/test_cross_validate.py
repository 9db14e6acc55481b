import json

import pytest
from typer.testing import CliRunner

from app.commands.cross_validate import app
from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from app.evaluation.cross_validation.models import CrossValidation
from tests.app.evaluation.cross_validation.taught import make_reward_model, make_taught_project
from tests.factories import make_project


@pytest.fixture(autouse=True)
def database(fresh_database, monkeypatch, tmp_path):
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()
    with transaction(fresh_database) as session:
        project = make_taught_project(session)
        project.name = "Kind"
        make_reward_model(session, tmp_path, project)
        make_project(session, "Bare")
    yield fresh_database
    settings.cache_clear()


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_plan_says_who_is_left_out_where():
    planned = json.loads(run("plan", "Kind", "--json").output)
    assert (planned["reward_model"], planned["ready"], planned["runs"]) == ("reward", True, 10)
    assert [len(fold["labelers"]) for fold in planned["folds"]] == [1] * 5
    assert run("plan", "Kind", "--folds", 6).exit_code == 1


def test_one_is_started_watched_stopped_and_resumed(database):
    started = run("start", "Kind", "--model", "reward", "--folds", 2)
    with transaction(database) as session:
        number = session.query(CrossValidation).one().id
    assert f"Cross-validation {number} has started" in started.output
    assert "not started" in run("status", number).output
    run("cancel", number)
    assert "cancelled" in run("status", number).output
    run("resume", number)
    assert "running" in run("status", number).output


def test_what_is_not_there_is_said():
    assert isinstance(run("plan", "Bare").exception, InvalidInput)
    assert isinstance(run("plan", "Kind", "--model", "nobody").exception, InvalidInput)
