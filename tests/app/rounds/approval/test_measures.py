"""What is told of texts without reading them."""

import pytest

from app.rounds.approval.measures import FEWEST, fences, is_refusal, repetition


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but that is not possible.",
        "I cannot provide medical advice.",
        "Unfortunately, as an AI language model I have no opinion.",
        "很抱歉，我无法回答这个问题。",
        "作为一个人工智能，我没有看法。",
    ],
)
def test_refusals_are_known_by_their_first_words(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "You cannot help but smile at the sea.",
        "I can help with that: boil the water first.",
        "The queue was long, and I cannot say that I minded.",
        "Boil the water. " * 20 + "I'm sorry, I cannot help with that.",
        "我们可以先烧水。",
    ],
)
def test_other_texts_are_no_refusals(text: str) -> None:
    assert not is_refusal(text)


def test_repetition_is_the_share_of_runs_of_four_words_that_were_there_before() -> None:
    assert repetition("one two three four five six") == 0
    assert repetition("a b c d a b c d") == pytest.approx(1 / 5)  # of abcd bcda cdab dabc abcd the last
    assert repetition("so " * 100) == pytest.approx(96 / 97)
    assert repetition("好" * 50) > 0.9
    assert repetition("too short") == 0


def test_fences_stand_three_interquartile_ranges_beyond_the_quartiles() -> None:
    found = fences([float(number) for number in range(101)], 1)
    assert found is not None
    assert (found.low, found.high) == (25 - 150, 75 + 150)
    assert found.above(226)
    assert not found.above(225)
    assert not found.below(None)


def test_values_that_are_all_the_same_leave_some_room_and_few_values_say_nothing() -> None:
    same = fences([10.0] * FEWEST, 2)
    assert same is not None
    assert (same.low, same.high) == (4, 16)
    assert fences([10.0] * (FEWEST - 1), 2) is None
