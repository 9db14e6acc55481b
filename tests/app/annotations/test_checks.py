"""What is asked about before work is taken, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.annotations.checks import Circumstances, Doubt, doubts_about, doubts_about_prompt
from app.annotations.ranking import dense_ranks
from app.annotations.submissions import Judgement
from app.projects.forms import RatingForm
from app.projects.ready_made import INSTRUCT_GPT, LAMDA
from app.prompts.models import PromptKind
from app.prompts.writing import Pair, WrittenPrompt, few_shot, single_message

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
    [(900, 5, True), (900, 60, False), (100, 1, False), (900, 0, False), (20_000, 290, True), (20_000, 300, False)],
    ids=["faster than anybody reads", "skimmed", "a few words", "not measured", "hurried through much", "at leisure"],
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


def plain(text: str) -> WrittenPrompt:
    return single_message(PromptKind.PLAIN, text)


def of_prompt(written: WrittenPrompt, *earlier: str, before: WrittenPrompt | None = None) -> list[str]:
    texts = {number: plain(text).messages for number, text in enumerate(earlier, start=7)}
    return [doubt.name for doubt in doubts_about_prompt(written, texts, before)]


@pytest.mark.parametrize("text", ["Hi", "Hello there!", "写诗", "?!?"])
def test_a_prompt_of_a_word_or_two_is_asked_about(text: str) -> None:
    assert of_prompt(plain(text)) == ["short"]


@pytest.mark.parametrize("text", ["Write a menu.", "写一首诗", "Why not me?"])
def test_three_words_are_enough_also_where_no_spaces_part_them(text: str) -> None:
    assert of_prompt(plain(text)) == []


SHED = "Explain to a child why the shed behind our house needs a new roof"


@pytest.mark.parametrize("before", [f"{SHED}!", SHED.upper(), SHED.replace("new", "better")])
def test_almost_the_same_prompt_again_is_asked_about_with_its_beginning(before: str) -> None:
    texts = {1: plain("Something quite different.").messages, 7: plain(before).messages}
    (doubt,) = doubts_about_prompt(plain(SHED), texts, None)
    assert (doubt.name, before[:50] in doubt.sentence, doubt.sentence.count("…")) == ("like:7", True, 1)


def test_the_very_same_words_are_refused_elsewhere_and_other_words_are_welcome() -> None:
    assert of_prompt(plain(SHED), SHED) == []
    assert of_prompt(plain("Write a poem about my cat"), "Write a poem about your dog", "???") == []
    assert of_prompt(plain("???"), "!!!") == ["short"]


def test_a_prompt_that_was_not_revised_is_asked_about_and_nothing_else() -> None:
    assert of_prompt(plain("Hi"), "hi", before=plain("Hi")) == ["unchanged"]
    assert of_prompt(plain("Hi"), before=single_message(PromptKind.PLAIN, "Hi", use_case="chat")) == ["short"]


def sums(*pairs: tuple[str, str]) -> WrittenPrompt:
    return few_shot("Add.", [Pair(*pair) for pair in pairs])


def test_pairs_that_repeat_a_query_or_all_respond_alike_are_asked_about() -> None:
    assert of_prompt(sums(("1 + 1", "2"), ("1 +  1", "3"))) == ["same_query"]
    assert of_prompt(sums(("0 + 2", "2"), ("1 + 1", "2"), ("2 + 0", "2"))) == ["same_response"]
    assert of_prompt(sums(("0 + 2", "2"), ("1 + 1", "2"))) == []
