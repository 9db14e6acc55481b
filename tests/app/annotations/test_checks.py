"""What is asked about before work is taken, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.annotations.checks import Circumstances, Doubt, doubts_about
from app.annotations.ranking import dense_ranks
from app.annotations.submissions import Judgement
from app.projects.forms import RatingForm
from app.projects.ready_made import INSTRUCT_GPT, LAMDA

AT_EASE = Circumstances()


def judged(ranks: list[int], points: list[int]) -> Judgement:
    return Judgement(tuple(ranks), tuple({"overall": each} for each in points))


def said(
    ranks: list[int], points: list[int], around: Circumstances = AT_EASE, form: RatingForm = INSTRUCT_GPT
) -> list[str]:
    return [doubt.sentence for doubt in doubts_about(judged(ranks, points), form, around)]


def test_nine_outputs_on_one_rank_are_asked_about() -> None:
    assert said([1] * 9, [4] * 9) == ["All 9 outputs share one rank."]


def test_two_outputs_may_well_be_equally_good() -> None:
    assert said([1, 1], [4, 4]) == []


def test_the_best_rated_output_ranked_last_is_asked_about() -> None:
    assert said([1, 4, 2, 3], [5, 7, 5, 5]) == ["You rated B 7 of 7 and ranked it last."]


def test_the_worst_rated_output_ranked_first_is_asked_about() -> None:
    assert said([2, 3, 1], [6, 5, 2]) == ["You rated C 2 of 7 and ranked it first."]


def test_ranks_that_run_against_the_ratings_are_asked_about_once_by_the_widest_pair() -> None:
    """A and B, first and last, are rated in between, so that neither is an extreme."""
    assert said([1, 6, 2, 3, 4, 5], [4, 4, 1, 2, 6, 7]) == [
        "Your ranks run against your ratings: C is rated 1 and stands before F, rated 7."
    ]


def test_a_few_pairs_against_the_ratings_are_nobodys_business() -> None:
    assert said([1, 2, 3, 4], [6, 7, 4, 3]) == []


def test_equal_ratings_contradict_nothing() -> None:
    assert said([4, 3, 2, 1], [5, 5, 5, 5]) == []


def test_a_form_that_does_not_begin_with_a_scale_has_no_order_to_contradict() -> None:
    flags = Judgement((1, 2, 3), ({"not_sensible": True}, {"not_sensible": False}, {"not_sensible": False}))
    assert doubts_about(flags, LAMDA, AT_EASE) == []


def test_a_scale_left_empty_contradicts_nothing() -> None:
    partly = Judgement((1, 2, 3), ({"overall": 1}, {}, {"overall": 7}))
    assert doubts_about(partly, INSTRUCT_GPT, AT_EASE) == []


def test_outputs_that_are_only_rated_are_not_asked_about_ranks() -> None:
    assert doubts_about(Judgement((None,), ({"overall": 1},)), INSTRUCT_GPT, AT_EASE) == []


@pytest.mark.parametrize(
    ("words", "seconds", "asked"),
    [(900, 5, True), (900, 60, False), (100, 1, False), (900, 0, False)],
    ids=["faster than anybody reads", "skimmed", "a few words", "not measured"],
)
def test_time_too_short_to_read_is_asked_about(words: int, seconds: float, asked: bool) -> None:
    doubts = said([1, 2, 3, 4], [7, 6, 5, 4], Circumstances(words, seconds))
    assert doubts == ([f"You needed {seconds} seconds for {words} words."] if asked else [])


def test_a_revision_that_changes_nothing_is_asked_about() -> None:
    before = judged([1, 2], [7, 6])
    assert doubts_about(judged([1, 2], [7, 6]), INSTRUCT_GPT, Circumstances(before=before)) == [
        Doubt("unchanged", "Nothing differs from what you submitted before.")
    ]
    assert doubts_about(judged([2, 1], [6, 7]), INSTRUCT_GPT, Circumstances(before=before)) == []


@given(st.lists(st.integers(1, 7), min_size=2, max_size=9))
def test_ranks_that_follow_the_ratings_are_never_doubted(points: list[int]) -> None:
    ranks = dense_ranks([-each for each in points])
    names = {doubt.name for doubt in doubts_about(judged(ranks, points), INSTRUCT_GPT, AT_EASE)}
    assert names <= {"all_tied"}


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 7)), min_size=1, max_size=9))
def test_every_doubt_has_a_name_of_its_own(pairs: list[tuple[int, int]]) -> None:
    ranks, points = dense_ranks([rank for rank, _ in pairs]), [each for _, each in pairs]
    doubts = doubts_about(judged(ranks, points), INSTRUCT_GPT, AT_EASE)
    assert len({doubt.name for doubt in doubts}) == len(doubts)
