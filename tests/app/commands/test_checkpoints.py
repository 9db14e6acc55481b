import json

import pytest
from typer.testing import CliRunner

from app.checkpoints.models import CheckpointKind
from app.checkpoints.queries import checkpoint
from app.checkpoints.service import register_checkpoint
from app.commands.checkpoints import app
from app.config import settings
from app.db import transaction
from app.projects.models import Project
from app.rounds.dependants import NeededByRun
from app.runs.models import Stage
from app.runs.service import Input, enqueue_run
from tests.app.rounds.report.reported import make_ended_round, make_sft
from tests.factories import make_project


@pytest.fixture(autouse=True)
def made(fresh_database, monkeypatch, tmp_path):
    """A round's checkpoints by name; of the SFT model there are files."""
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "220")
    settings.cache_clear()
    with transaction(fresh_database) as session:
        project = make_project(session, "Kites")
        sft = make_sft(session, project)
        folder = settings().files / sft.location
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
        ended = make_ended_round(session, settings().files, project, sft, wins=[True])
        register_checkpoint(session, make_project(session, "Other"), CheckpointKind.BASE, "far", location="owner/far")
        made = {each.name: each.id for each in (sft, ended.policy, ended.reward)}
    yield made
    settings.cache_clear()


def run(*arguments, **options):
    result = CliRunner().invoke(app, [*map(str, arguments)], **options)
    assert result.exception is None, result.exception
    return result.output


def test_checkpoints_are_listed_by_project_and_kind():
    names = [each["name"] for each in json.loads(run("list", "--project", "Kites", "--json"))]
    assert names == ["ppo-1", "reward-1", "sft-1"]
    printed = run("list", "--kind", "base")
    assert "far" in printed
    assert "ppo-1" not in printed


def test_one_is_shown_with_what_made_it(made):
    told = json.loads(run("show", made["reward-1"], "--json"))
    assert (told["kind"], told["settings"], list(told["datasets"])) == ("reward", {"seed": 1}, ["Round 1: comparisons"])
    assert "Round 1: comparisons" in run("show", made["reward-1"])


def test_lineage_is_a_tree_or_json(made):
    assert "comparisons: Round 1: comparisons (4 rows" in run("lineage", made["ppo-1"])
    told = json.loads(run("lineage", made["ppo-1"], "--json"))
    assert {each["name"] for each in told["checkpoints"]} == {"ppo-1", "reward-1", "sft-1"}


def test_pinning_archiving_and_deleting_files(made):
    number = made["sft-1"]
    for command in ("pin", "archive"):
        run(command, number)
    assert json.loads(run("list", "--pinned", "--archived", "--json"))[0]["name"] == "sft-1"
    for command in ("unpin", "unarchive"):
        run(command, number)
    printed = run("delete", number, input="y\n")
    assert "Checkpoints made from it: ppo-1" in printed
    assert not (settings().files / "runs/1-sft/model").exists()
    assert json.loads(run("show", number, "--json"))["files_deleted"] is True


def test_what_a_waiting_run_needs_is_not_deleted(made, fresh_database):
    with transaction(fresh_database) as session:
        sft = checkpoint(session, made["sft-1"])
        project = session.get_one(Project, sft.project_id)
        enqueue_run(session, project, Stage.SAMPLE, {"prompts": "p.jsonl"}, [Input("model", sft)])
    result = CliRunner().invoke(app, ["delete", str(made["sft-1"]), "--yes"])
    assert isinstance(result.exception, NeededByRun)
    assert (settings().files / "runs/1-sft/model/model.safetensors").exists()


def test_an_outside_model_is_registered(made):
    run("register", "Kites", "tiny", "owner/tiny", "--kind", "sft", "--parent", made["sft-1"])
    (told,) = [each for each in json.loads(run("list", "--json")) if each["name"] == "tiny"]
    assert (told["location"], told["kind"], told["parent"]) == ("owner/tiny", "sft", made["sft-1"])
