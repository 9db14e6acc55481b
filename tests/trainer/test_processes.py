"""What each process computes: together everything, each part once, and all equally often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.processes import in_turn, leads, own_parts, own_share, share_of

counts = st.integers(0, 20)
sizes = st.integers(1, 5)


def shares_of(size: int, parts: list[int]) -> tuple[list[list[tuple[int, int]]], list[list[int]]]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORLD_SIZE", str(size))
        weighted, plain = [], []
        for number in range(size):
            environment.setenv("RANK", str(number))
            weighted.append(own_parts(parts))
            plain.append(list(own_share(parts)))
        return weighted, plain


@given(counts, sizes)
def test_all_make_as_many_passes_and_each_part_counts_once(count: int, size: int) -> None:
    weighted, _ = shares_of(size, list(range(count)))
    assert len({len(share) for share in weighted}) == 1
    assert sorted(part for share in weighted for part, weight in share if weight) == list(range(count))
    assert {weight for share in weighted for _, weight in share} <= {0, 1}


@given(counts, sizes)
def test_shares_are_put_back_in_order(count: int, size: int) -> None:
    _, plain = shares_of(size, list(range(count)))
    assert in_turn(plain) == list(range(count))


def test_alone_a_process_takes_everything_and_leads() -> None:
    assert own_parts("abc") == [("a", 1), ("b", 1), ("c", 1)]
    assert share_of(7) == 7
    assert leads()
