"""`rondo round plan`: what a round would find, without a browser."""

import json

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.commands.round import app
from app.config import settings
from app.db import transaction
from app.projects.models import Project
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan
from app.runs.models import Stage
from tests.app.rounds.sampled import advance, make_policies, start_sampling_round
from tests.app.rounds.test_loop import prepare
from tests.factories import make_project
from trainer.presets import PRESETS


@pytest.fixture(autouse=True)
def project(fresh_database, monkeypatch, tmp_path):
    monkeypatch.setenv("RONDO_DATABASE_URL", fresh_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RONDO_HOME", str(tmp_path))
    settings.cache_clear()
    with transaction(fresh_database) as session:
        name = prepare(session).name
    yield name
    settings.cache_clear()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_plan_is_checked_and_nothing_starts(project, fresh_database, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"aim": "sft", "settings": {"sft": {"epochs": 3}}}))
    done = run("plan", project, "--preset", "tiny-cpu", "--plan", file, "--json")
    assert done.exit_code == 0
    said = json.loads(done.output.splitlines()[-1])
    assert said["ready"] is True
    assert said["steps"] == ["demonstrations", "pretrain", "sft"]
    assert {each["about"]: each["verdict"] for each in said["findings"]}["demonstrations"] == "ok"
    with Session(fresh_database) as session:
        assert session.scalars(select(Round)).all() == []


def test_what_is_missing_ends_with_one_and_starts_only_if_that_is_meant(project, fresh_database, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"rankings": "existing"}))
    planned = run("plan", project, "--plan", file)
    assert planned.exit_code == 1
    assert "No ranking of the training" in planned.output
    assert run("start", project, "--plan", file).exit_code == 1
    assert run("start", project, "--plan", file, "--anyway").exit_code == 0
    with Session(fresh_database) as session:
        assert session.scalars(select(Round)).one().project_id == session.scalars(select(Project)).one().id


def test_the_preset_is_kept_with_the_plan(project, fresh_database):
    assert run("start", project, "--preset", "tiny-cpu").exit_code == 0
    with Session(fresh_database) as session:
        plan = RoundPlan.model_validate(session.scalars(select(Round)).one().plan)
    assert plan.preset == "tiny-cpu"
    assert plan.settings[Stage.PPO] == PRESETS["tiny-cpu"]["ppo"]


def test_samples_are_looked_at_rejected_sampled_again_and_approved(fresh_database):
    with transaction(fresh_database) as session:
        chosen = make_project(session)
        sft, policy = make_policies(session, chosen)
        current = start_sampling_round(session, chosen, policy, others=[sft.id])
        number = current.id
    assert "asks for no approval" in run("samples", number).output
    look(fresh_database, number)
    shown = run("samples", number)
    assert "ppo-1" in shown.output
    assert "ppo says the" in shown.output
    assert json.loads(run("samples", number, "--json").output)["ours"]["outputs"] == 27
    assert run("again", number).exit_code == 1
    assert run("reject", number, "--reason", "Too much alike.").exit_code == 0
    assert "rejected. Too much alike." in run("status", number).output
    assert run("approve", number).exit_code == 1
    assert run("again", number).exit_code == 0
    look(fresh_database, number)
    assert run("approve", number).exit_code == 0
    look(fresh_database, number)
    with Session(fresh_database) as session:
        assert session.get_one(Round, number).state is RoundState.FINISHED


def look(engine, number):
    with transaction(engine) as session:
        advance(session, settings().files, session.get_one(Round, number))
