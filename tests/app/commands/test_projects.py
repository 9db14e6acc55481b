from importlib import import_module

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.commands.projects import app
from app.config import settings
from app.errors import InvalidInput
from app.projects.queries import NoSuchProject, current_form, current_guidelines, rating_form, require_project
from app.projects.ready_made import READY_MADE
from app.projects.service import ProjectNameTaken


@pytest.fixture(autouse=True)
def database(fresh_database, monkeypatch):
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    settings.cache_clear()
    yield fresh_database
    settings.cache_clear()


def run(*arguments, command=app):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_a_project_is_made_with_its_form_and_guidelines(database, tmp_path):
    text = tmp_path / "guidelines.md"
    text.write_text("Be kind.")
    assert run("create", "Kind words", "--form", "help_steer", "--guidelines", text).exit_code == 0
    with Session(database) as session:
        made = require_project(session, "Kind words")
        assert current_guidelines(session, made).text == "Be kind."
        assert rating_form(current_form(session, made)) == READY_MADE["help_steer"]
    assert "Kind words" in run("list").output


def test_a_name_is_given_once():
    assert run("create", "Kind").exit_code == 0
    assert isinstance(run("create", "Kind").exception, ProjectNameTaken)


def test_an_unknown_form_is_answered_with_those_there_are():
    refused = run("create", "Kind", "--form", "nice").exception
    assert isinstance(refused, InvalidInput)
    assert "instruct_gpt" in refused.localized()


def test_importing_into_no_project_says_how_to_make_it(tmp_path):
    (tmp_path / "prompts.jsonl").write_text("")
    importing = import_module("app.commands.import").app
    refused = run("prompts", tmp_path / "prompts.jsonl", "--project", "Kind", command=importing).exception
    assert isinstance(refused, NoSuchProject)
    assert "rondo projects create 'Kind'" in refused.localized()
