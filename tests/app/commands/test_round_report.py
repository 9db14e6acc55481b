import json

import pytest
from typer.testing import CliRunner

from app.commands.round import app
from app.config import settings
from app.db import transaction
from tests.app.rounds.report.reported import make_ended_round, make_sft
from tests.factories import make_project


@pytest.fixture(autouse=True)
def number(fresh_database, monkeypatch, tmp_path):
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "220")
    settings.cache_clear()
    with transaction(fresh_database) as session:
        project = make_project(session, "Kites")
        ended = make_ended_round(session, tmp_path, project, make_sft(session, project), wins=[True] * 12)
    yield ended.round.id
    settings.cache_clear()


def run(*arguments):
    result = CliRunner().invoke(app, ["report", *map(str, arguments)])
    assert result.exception is None, result.exception
    return result.output


def test_a_report_is_printed_as_tables_or_as_json(number):
    printed = run(number)
    assert "What people prefer" in printed
    assert "100.0%" in printed
    told = json.loads(run(number, "--json"))
    assert told["win_rate_earlier"]["win_rate"] == 1.0
    assert told["tables"]["rounds"][0]["rankings"] == 4


def test_a_report_is_written_as_a_file_of_its_own(number, tmp_path):
    run(number, "--html", tmp_path / "report.html")
    assert "Report of Kites, round 1" in (tmp_path / "report.html").read_text(encoding="utf-8")
