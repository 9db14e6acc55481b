"""Ranks as labelers give them: 1 is best, equal ranks are ties. Pure functions."""

from collections.abc import Mapping, Sequence

from app.errors import InvalidInput, message


class OutputsUnranked(InvalidInput):
    """`missing` are the letters that still need a rank."""

    sentence = message("Rank every output before you submit. Still without a rank: {names}.")

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(names=", ".join(missing).upper())


class NotARank(InvalidInput):
    sentence = message("“{typed}” is not a rank from 1 to {worst}.")


def parse_ranks(typed: Mapping[str, object], letters: Sequence[str]) -> list[int]:
    """Dense ranks in the order of `letters`. Raises `OutputsUnranked`, `NotARank`."""
    missing = [letter for letter in letters if not typed.get(letter)]
    if missing:
        raise OutputsUnranked(missing)
    return dense_ranks([_rank(typed[letter], len(letters)) for letter in letters])


def dense_ranks(ranks: Sequence[int]) -> list[int]:
    """The same order and the same ties without gaps: [1, 3, 3, 7] becomes [1, 2, 2, 3]."""
    place = {rank: position for position, rank in enumerate(sorted(set(ranks)), start=1)}
    return [place[rank] for rank in ranks]


def _rank(typed: object, worst: int) -> int:
    text = str(typed)
    # isdecimal: int() would also take "1_0" and " 2"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= worst):
        raise NotARank(typed=text[:20], worst=worst)
    return int(text)
