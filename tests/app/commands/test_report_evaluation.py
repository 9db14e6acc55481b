import json

import pytest
from typer.testing import CliRunner

from app.commands.report import app
from app.config import settings
from app.db import transaction
from app.errors import InvalidInput
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project


@pytest.fixture(autouse=True)
def database(fresh_database, monkeypatch):
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()
    with transaction(fresh_database) as session:
        rows = [judged(n, {"new": 1, "old": 2, "third": 3}, cohort="held_out") for n in range(12)]
        bring(session, make_project(session, "Kind"), rows)
    yield fresh_database
    settings.cache_clear()


def run(*arguments):
    return CliRunner().invoke(app, ["evaluation", "Kind", *map(str, arguments)])


def test_tables_are_printed_with_what_they_mean():
    printed = run("--baseline", "old").output
    assert "Win rates against the baseline" in printed
    assert "100.0%" in printed
    assert "clustered by prompt" in printed
    assert "Reward models against people" not in printed  # none scored anything


def test_the_same_tables_come_as_json():
    tables = json.loads(run("--baseline", "old", "--cohort", "held_out", "--json").output)
    assert {(line["policy"], line["win_rate"]) for line in tables["win_rates"]} == {("new", 1.0), ("third", 0.0)}
    assert json.loads(run("--cohort", "training", "--json").output)["win_rates"] == []


def test_an_unknown_baseline_is_refused():
    assert isinstance(run("--baseline", "nobody").exception, InvalidInput)
