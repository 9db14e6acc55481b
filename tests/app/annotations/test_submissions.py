"""What was typed on the desk."""

import pytest

from app.annotations.submissions import InvalidSubmission, read_demonstration, read_ranking, read_rating
from app.projects.ready_made import INSTRUCT_GPT

RATED = {"overall": "5"}


def test_a_ranking_is_read_in_shown_order() -> None:
    typed = {"rank": {"a": "2", "b": "1"}, "output": {"a": RATED, "b": {"overall": "7", "hallucination": "1"}}}
    judgement = read_ranking(typed, INSTRUCT_GPT, 2)
    assert judgement.ranks == (2, 1)
    assert [rating["overall"] for rating in judgement.ratings] == [5, 7]
    assert [rating["hallucination"] for rating in judgement.ratings] == [False, True]


def test_every_mistake_is_named_at_once() -> None:
    typed = {"rank": {"a": "1"}, "output": {"a": {"overall": "9"}}, "prompt": {"color": "red"}}
    with pytest.raises(InvalidSubmission) as caught:
        read_ranking(typed, INSTRUCT_GPT, 2)
    assert set(caught.value.errors) == {"rank[b]", "output[a][overall]", "output[b][overall]", "prompt[color]"}


@pytest.mark.parametrize("typed", [{}, {"rank": "1", "output": "x", "prompt": "y"}, {"output": {"a": "5"}}])
def test_a_form_of_the_wrong_shape_is_refused_and_breaks_nothing(typed: dict[str, object]) -> None:
    with pytest.raises(InvalidSubmission):
        read_ranking(typed, INSTRUCT_GPT, 2)


def test_a_rating_needs_no_rank() -> None:
    assert read_rating({"output": {"a": RATED}}, INSTRUCT_GPT, 1).ranks == (None,)


def test_a_demonstration_keeps_its_lines() -> None:
    assert read_demonstration({"text": "one\r\n\r\n  two\r\n"}, INSTRUCT_GPT).text == "one\n\n  two"


@pytest.mark.parametrize("text", ["", " \n ", "a\0b", "x" * 200_001])
def test_a_demonstration_needs_a_text_that_can_be_stored(text: str) -> None:
    with pytest.raises(InvalidSubmission) as caught:
        read_demonstration({"text": text}, INSTRUCT_GPT)
    assert set(caught.value.errors) == {"text"}
