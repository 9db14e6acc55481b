import pytest
from sqlalchemy import select

from app.completions.models import CompletionScore
from app.evaluation.cross_validation.results import fold_results, over_folds
from tests.app.evaluation.cross_validation.taught import make_contrary


@pytest.fixture
def contrary(session, tmp_path):
    return make_contrary(session, tmp_path)


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
