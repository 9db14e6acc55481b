"""Who is left out where is decided once; what fails or is stopped goes on from there. No trainer runs here."""

import pytest

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.clock import now
from app.datasets.models import Dataset
from app.errors import InvalidInput
from app.evaluation.cross_validation.advancing import advance_cross_validation
from app.evaluation.cross_validation.models import ValidationState
from app.evaluation.cross_validation.planning import NothingToRepeat, prospect, repeatable_models
from app.evaluation.cross_validation.queries import fold_views, runs_of
from app.evaluation.cross_validation.service import (
    TooLittleToValidate,
    ValidationNotStopped,
    ValidationOver,
    ValidationUnderWay,
    cancel_cross_validation,
    resume_cross_validation,
    start_cross_validation,
)
from app.runs.models import RunState, Stage
from tests.app.evaluation.cross_validation.taught import SETTINGS, make_reward_model, make_taught_project, ranked
from tests.app.evaluation.judged import bring
from tests.factories import make_project


@pytest.fixture
def project(session):
    return make_taught_project(session)


@pytest.fixture
def model(session, tmp_path, project):
    return make_reward_model(session, tmp_path, project)


def end(session, runs, state=RunState.FINISHED, error=None):
    for run in runs:
        run.state, run.finished_at, run.error = state, now(), error
        if run.stage is Stage.REWARD and state is RunState.FINISHED:
            project = make_project(session)
            name = f"reward-{run.id}"
            made = register_checkpoint(session, project, CheckpointKind.REWARD, name, location=name)
            run.produced_checkpoint_id = made.id
    session.flush()


def test_what_is_planned_is_what_starts(session, project, model):
    planned = prospect(session, project, model, folds=3, seed=4)
    assert (planned.labelers, planned.runs, planned.judging) == (5, 6, 10)
    assert [(len(fold.parts), fold.teaching, fold.judging) for fold in planned.folds] == [
        (2, 9, 4),
        (2, 9, 4),
        (1, 12, 2),
    ]
    started = start_cross_validation(session, project, model, folds=3, seed=4)
    as_planned = {fold.number: {part.labeler.id for part in fold.parts} for fold in planned.folds}
    assert {fold.number: {user.id for user in fold.left_out} for fold in fold_views(session, started)} == as_planned


def test_a_fold_is_frozen_without_its_labelers_and_trained_as_the_model_was(session, tmp_path, project, model):
    started = start_cross_validation(session, project, model, folds=5, seed=0)
    bring(session, project, ranked(["late"], 3, "train"), source="later")  # no fold is to learn from a newcomer
    advance_cross_validation(session, tmp_path, started)
    runs = runs_of(session, started)
    assert [(run.stage, run.settings) for run in runs] == [(Stage.REWARD, SETTINGS)] * 5
    everybody = {user.id for fold in fold_views(session, started) for user in fold.left_out}
    for fold in fold_views(session, started):
        assert set(fold.taught.manifest["filter"]["labelers"]) == everybody - {user.id for user in fold.left_out}
        assert fold.taught.rows == 12
    assert session.get_one(Dataset, started.judged_id).rows == 10
    advance_cross_validation(session, tmp_path, started)
    assert len(runs_of(session, started)) == 5  # looking twice changes nothing


def test_it_ends_when_every_fold_has_scored(session, tmp_path, project, model):
    started = start_cross_validation(session, project, model, folds=2, seed=0)
    advance_cross_validation(session, tmp_path, started)
    end(session, runs_of(session, started)[:1])
    advance_cross_validation(session, tmp_path, started)
    assert [run.stage for run in runs_of(session, started)] == [Stage.REWARD, Stage.REWARD, Stage.SCORE]
    assert started.state is ValidationState.RUNNING
    end(session, runs_of(session, started)[1:])
    advance_cross_validation(session, tmp_path, started)
    end(session, runs_of(session, started)[3:])
    advance_cross_validation(session, tmp_path, started)
    assert (started.state, started.error) == (ValidationState.FINISHED, None)
    assert started.finished_at is not None
    with pytest.raises(ValidationOver):
        cancel_cross_validation(session, started)


def test_a_failed_run_is_said_when_the_others_have_ended_and_can_be_tried_again(session, tmp_path, project, model):
    started = start_cross_validation(session, project, model, folds=2, seed=0)
    advance_cross_validation(session, tmp_path, started)
    first, second = runs_of(session, started)
    end(session, [first], RunState.FAILED, "no space left")
    advance_cross_validation(session, tmp_path, started)
    assert started.state is ValidationState.RUNNING
    with pytest.raises(ValidationNotStopped):
        resume_cross_validation(session, started)
    end(session, [second])
    advance_cross_validation(session, tmp_path, started)
    end(session, runs_of(session, started)[2:])
    advance_cross_validation(session, tmp_path, started)
    assert (started.state, started.error) == (ValidationState.FAILED, "no space left")
    resume_cross_validation(session, started)
    assert (started.state, first.state) == (ValidationState.RUNNING, RunState.QUEUED)


def test_cancelling_stops_every_run(session, tmp_path, project, model):
    started = start_cross_validation(session, project, model, folds=2, seed=0)
    advance_cross_validation(session, tmp_path, started)
    cancel_cross_validation(session, started)
    assert started.state is ValidationState.CANCELLED
    assert {run.state for run in runs_of(session, started)} == {RunState.CANCELLED}


def test_what_cannot_be_frozen_is_said(session, tmp_path, project, model):
    started = start_cross_validation(session, project, model, folds=2, seed=0)
    session.add(
        Dataset(
            project_id=project.id,
            name=f"Cross-validation {started.id}: without fold 2",
            kind="comparisons",
            filter={},
            manifest={},
            digest="",
            rows=0,
            location="",
        )
    )
    advance_cross_validation(session, tmp_path, started)
    assert started.state is ValidationState.FAILED
    assert "already a dataset" in started.error
    assert started.judged_id is None


def test_a_project_has_one_under_way(session, project, model):
    start_cross_validation(session, project, model, folds=2, seed=0)
    with pytest.raises(ValidationUnderWay):
        start_cross_validation(session, project, model, folds=2, seed=1)


@pytest.mark.parametrize("folds", [1, 21])
def test_too_few_and_too_many_folds_are_refused(session, project, model, folds):
    with pytest.raises(InvalidInput, match="2 to 20 folds"):
        start_cross_validation(session, project, model, folds=folds, seed=0)


def test_every_fold_needs_somebody_who_judges(session, project, model):
    with pytest.raises(TooLittleToValidate):
        start_cross_validation(session, project, model, folds=6, seed=0)


def test_only_what_was_trained_here_can_be_repeated(session, project, model):
    outside = register_checkpoint(session, project, CheckpointKind.REWARD, "bought", location="hub/id")
    with pytest.raises(NothingToRepeat):
        prospect(session, project, outside, 5, 0)
    assert repeatable_models(session, project) == [model]
