"""What counts as a word."""

import pytest

from app.prompts.words import words_in


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't be well-behaved!", ["Don't", "be", "well-behaved"]),
        ("写 a 诗, 好吗？", ["写", "a", "诗", "好", "吗"]),
        ("3.5 kg — «déjà vu»", ["3", "5", "kg", "déjà", "vu"]),
        ("?! …", []),
    ],
)
def test_words_are_told_apart_by_spaces_or_are_single_signs(text: str, words: list[str]) -> None:
    assert words_in(text) == words
