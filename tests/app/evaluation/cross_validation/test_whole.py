"""A cross-validation, whole: real trainer subprocesses on tiny models, from the start to its tables."""

import json
from pathlib import Path

from sqlalchemy import select

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.completions.models import CompletionScore
from app.datasets.models import Dataset
from app.db import transaction
from app.evaluation.choosing import Chosen
from app.evaluation.cross_validation.models import CrossValidation, ValidationState
from app.evaluation.cross_validation.queries import fold_views
from app.evaluation.cross_validation.service import start_cross_validation
from app.evaluation.report import evaluation_tables
from app.projects.models import Project
from app.runs.models import Stage
from app.runs.queries import inputs_of
from tests.app.evaluation.cross_validation.taught import do_runs, make_reward_model, make_taught_project
from tests.trainer.tiny import make_policy, make_tokenizer


def make_model(folder: Path) -> Path:
    make_policy().save_pretrained(folder / "sft")
    make_tokenizer().save_pretrained(folder / "sft")
    return folder / "sft"


def test_each_fold_s_model_is_trained_without_its_labelers_and_judged_by_them(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        project = make_taught_project(session, ["ann", "bob"])
        base = register_checkpoint(session, project, CheckpointKind.SFT, "sft", location=str(make_model(tmp_path)))
        model = make_reward_model(session, tmp_path, project, base)
        started = start_cross_validation(session, project, model, folds=2, seed=1)
    done = do_runs(fresh_database, tmp_path)
    assert [run.stage for run in done] == [Stage.REWARD, Stage.REWARD, Stage.SCORE, Stage.SCORE]
    with transaction(fresh_database) as session:
        ended = session.get_one(CrossValidation, started.id)
        assert (ended.state, ended.error) == (ValidationState.FINISHED, None)
        views = fold_views(session, ended)
        people = {user.name for fold in views for user in fold.left_out}
        for fold in views:
            (left_out,) = fold.left_out
            lines = (tmp_path / fold.taught.location / "comparisons.jsonl").read_text().splitlines()
            rows = [json.loads(line) for line in lines]
            assert {row["labeler"] for row in rows} == people - {left_out.name}
            assert {row["split"] for row in rows} == {"train"}
            assert fold.model.parent_id == base.id
            assert fold.model.archived_at is not None
            assert {each.setting for each in inputs_of(session, fold.training)} == {"model", "comparisons"}
        judged = session.get_one(Dataset, ended.judged_id)
        assert judged.rows == 4  # two labelers on two validation prompts; the held-out have no part in it
        assert len(session.scalars(select(CompletionScore.checkpoint_id).distinct()).all()) == 2
        tables = {
            table.name: table.as_json()
            for table in evaluation_tables(session, Chosen(session.get_one(Project, project.id)))
        }
        shown = {row["whose"]: row for row in tables["cross_validation"]}
        assert {row["reward_model"] for row in shown.values()} == {"reward"}
        assert (shown["left_out"]["pairs"], shown["taught"]["pairs"], shown["left_out"]["folds"]) == (12, 12, 2)
        assert 0 <= shown["left_out"]["accuracy"] <= 1
        assert shown["difference"]["accuracy"] == 0  # both labelers say the same of the same outputs
        assert len(tables["cross_validation_folds"]) == 4
        assert tables["reward_models"] == []  # models of folds are no models of the project's own
