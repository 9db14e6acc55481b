import io
import json
from importlib import import_module

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from app.annotations.imports.importing import import_comparisons
from app.config import settings
from app.db import transaction
from app.quality.agreement.queries import NoSuchLabeler
from tests.factories import make_project

ROWS = [
    {
        "prompt_id": f"p{number}",
        "prompt": [{"role": "user", "content": f"Why {number}?"}],
        "completions": ["a", "b"],
        "ranks": ranks,
        "labeler": labeler,
        "cohort": cohort,
    }
    for number in range(12)
    for labeler, ranks, cohort in (
        ("ann", [1, 2], "training"),
        ("bob", [1, 2], "training"),
        ("eve", [2, 1], "held_out"),
    )
]


@pytest.fixture
def database(fresh_database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path):  # type: ignore[no-untyped-def]
    """A database of its own with twelve prompts, ranked by three labelers."""
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    with transaction(fresh_database) as session:
        file = io.BytesIO("\n".join(json.dumps(row) for row in ROWS).encode())
        import_comparisons(session, make_project(session, "Kind"), file, source="file")
    yield fresh_database
    settings.cache_clear()


def run(*arguments: object) -> Result:
    app = import_module("app.commands.report").app
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["agreement", "Kind", *(str(each) for each in arguments)])


def figures(*arguments: object) -> dict[str, float | None]:
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    return {row["measure"]: row["value"] for row in json.loads(result.output)["figures"] if row["about"] == "pairs"}


@pytest.mark.usefixtures("database")
def test_agreement_is_printed_as_tables_and_as_json() -> None:
    shown = run("--pairs", 3).output
    assert "3 labelers; 0 of 36 pairs of outputs tied" in shown
    assert "Agreement, ties left out" in shown
    assert "0.333 to 0.333" in shown
    assert "Kind/file/ann, Kind/file/bob" in shown
    assert figures()["strict_agreement"] == pytest.approx(1 / 3)


@pytest.mark.usefixtures("database")
def test_a_cohort_or_two_labelers_are_looked_at_alone() -> None:
    assert figures("--cohort", "training")["strict_agreement"] == 1
    assert figures("--labeler", "ann", "--labeler", "eve")["strict_agreement"] == 0
    assert figures("--about", "output") == {}
    assert isinstance(run("--labeler", "zoe").exception, NoSuchLabeler)
