"""Which texts look alike."""

import pytest

from app.rounds.looks import look_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Salt.", "Salt.\n"),
        ("Salt. \nPepper.", "\nSalt.\nPepper.\t\n\n"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"),
        ("", " \n"),
    ],
)
def test_what_nobody_sees_makes_no_difference(one: str, other: str) -> None:
    assert look_of(one) == look_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Salt.", "salt."), ("if x:\n    y", "if x:\n  y"), ("a\nb", "a\n\nb"), ("a b", "ab")]
)
def test_what_is_seen_makes_one(one: str, other: str) -> None:
    assert look_of(one) != look_of(other)
