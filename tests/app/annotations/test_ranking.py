"""Ranks as labelers give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.annotations.ranking import NotARank, OutputsUnranked, dense_ranks, parse_ranks

rankings = st.lists(st.integers(1, 9), min_size=1, max_size=9)


def test_gaps_close_and_ties_stay() -> None:
    assert dense_ranks([1, 3, 3, 7]) == [1, 2, 2, 3]


@given(rankings)
def test_dense_ranks_keep_every_order_and_every_tie(ranks: list[int]) -> None:
    dense = dense_ranks(ranks)
    pairs = [(i, j) for i in range(len(ranks)) for j in range(len(ranks))]
    assert all((ranks[i] < ranks[j]) == (dense[i] < dense[j]) for i, j in pairs)
    assert set(dense) == set(range(1, max(dense) + 1))


@given(rankings)
def test_ranks_are_read_as_they_were_typed(ranks: list[int]) -> None:
    letters = "abcdefghi"[: len(ranks)]
    typed = {letter: str(min(rank, len(ranks))) for letter, rank in zip(letters, ranks, strict=True)}
    assert parse_ranks(typed, letters) == dense_ranks([min(rank, len(ranks)) for rank in ranks])


def test_outputs_without_a_rank_are_named() -> None:
    with pytest.raises(OutputsUnranked) as caught:
        parse_ranks({"a": "1", "c": ""}, "abc")
    assert caught.value.missing == ("b", "c")
    assert "B, C" in str(caught.value)


@pytest.mark.parametrize("typed", ["0", "4", "-1", "1.0", "١", "1_0", "best"])
def test_what_is_no_rank_is_refused(typed: str) -> None:
    with pytest.raises(NotARank):
        parse_ranks({"a": typed, "b": "1", "c": "1"}, "abc")
