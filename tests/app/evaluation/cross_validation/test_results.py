import pytest
from sqlalchemy import select

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.completions.models import Completion, CompletionScore
from app.evaluation.cross_validation.advancing import advance_cross_validation
from app.evaluation.cross_validation.queries import fold_views, folds_of
from app.evaluation.cross_validation.results import fold_results, over_folds
from app.evaluation.cross_validation.service import start_cross_validation
from app.runs.models import Run
from tests.app.evaluation.cross_validation.taught import make_reward_model, ranked
from tests.app.evaluation.judged import bring
from tests.factories import make_project


@pytest.fixture
def contrary(session, tmp_path):
    """Two labelers of opposite taste, each with a model that says what the one says who taught it."""
    project = make_project(session)
    rows = [*ranked(["ann"], 1, "train"), *ranked(["ann"], 12, "validation")]
    others = [*ranked(["bob"], 1, "train"), *ranked(["bob"], 12, "validation")]
    bring(session, project, rows + [{**row, "ranks": row["ranks"][::-1]} for row in others])
    started = start_cross_validation(session, project, make_reward_model(session, tmp_path, project), 2, seed=0)
    advance_cross_validation(session, tmp_path, started)
    views = {fold.number: fold for fold in fold_views(session, started)}
    for fold in folds_of(session, started):
        model = register_checkpoint(session, project, CheckpointKind.REWARD, f"fold {fold.number}", location="x")
        session.get_one(Run, fold.training_id).produced_checkpoint_id = model.id
        taught_by_ann = "bob" in views[fold.number].left_out[0].name
        for completion in session.scalars(select(Completion)):
            score = -len(completion.text) if taught_by_ann else len(completion.text)
            session.add(CompletionScore(completion_id=completion.id, checkpoint_id=model.id, score=score))
    session.flush()
    return started


def test_left_out_labelers_are_told_apart_from_those_who_taught(session, contrary):
    found = fold_results(session, contrary)
    assert [(each.left_out.value, each.taught.value, each.difference) for each in found] == [(0, 1, 1)] * 2
    assert [(each.left_out.count, each.left_out.prompts) for each in found] == [(36, 12)] * 2


def test_equal_scores_foretell_half(session, contrary):
    for score in session.scalars(select(CompletionScore)):
        score.score = 1.0
    session.flush()
    assert {(each.left_out.value, each.taught.value) for each in fold_results(session, contrary)} == {(0.5, 0.5)}


def test_the_mean_over_folds_has_student_s_interval():
    found = over_folds([0.70, 0.68, 0.72, 0.69, 0.71])
    half = 2.7764451051977987 * 0.015811388300841896 / 5**0.5  # t at 97.5 % and 4 degrees of freedom, times s / sqrt 5
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7 - half, 0.7 + half))


def test_of_one_fold_nobody_knows_how_far_folds_lie_apart():
    assert over_folds([None, 0.6]).low is None
    assert over_folds([None]) is None
