"""One task's rankings side by side: where its labelers disagree, and how far every two of them agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from app.annotations.queries import Answer
from app.quality.agreement.pairs import TIE, tau_b, verdicts
from app.quality.resampling import Integers


@dataclass(frozen=True)
class Contradiction:
    """Two outputs, by their places, and the answers (by their places) that put the first, or the second, before."""

    first: int
    second: int
    for_first: tuple[int, ...]
    for_second: tuple[int, ...]


@dataclass(frozen=True)
class PairOfAnswers:
    """`alike` of the `strict` pairs of outputs that both put in an order; `tau` is none where one tied everything."""

    one: int
    other: int
    alike: int
    strict: int
    tau: float | None

    @property
    def share(self) -> float | None:
        return self.alike / self.strict if self.strict else None


@dataclass(frozen=True)
class SideBySide:
    contradictions: list[Contradiction]
    pairs: list[PairOfAnswers]

    def disputes(self, output: int) -> int:
        """In how many contradicted pairs the output stands."""
        return sum(output in (each.first, each.second) for each in self.contradictions)


def side_by_side(answers: Sequence[Answer], outputs: Sequence[int]) -> SideBySide:
    """`outputs`: their completion numbers in the task's order. Answers that do not rank them all are left out."""
    ranked = {
        place: [answer.outputs[number].rank for number in outputs]
        for place, answer in enumerate(answers)
        if all(number in answer.outputs and answer.outputs[number].rank for number in outputs)
    }
    if len(ranked) < 2 or len(outputs) < 2:
        return SideBySide([], [])
    places = list(ranked)
    orders = verdicts(np.array(list(ranked.values()), dtype=np.int64))
    taus = iter(tau_b(orders))
    signs = orders - TIE
    pairs = [
        _pair(places[one], places[other], signs[one] * signs[other], float(next(taus)))
        for one, other in combinations(range(len(places)), 2)
    ]
    return SideBySide(_contradictions(places, signs, len(outputs)), pairs)


def _pair(one: int, other: int, products: Integers, tau: float) -> PairOfAnswers:
    alike, strict = int((products > 0).sum()), int((products != 0).sum())
    return PairOfAnswers(one, other, alike, strict, tau if np.isfinite(tau) else None)


def _contradictions(places: Sequence[int], signs: Integers, count: int) -> list[Contradiction]:
    """Those on which most are of two minds, first."""
    found = []
    for column, (first, second) in enumerate(combinations(range(count), 2)):
        for_first = tuple(place for place, sign in zip(places, signs[:, column], strict=True) if sign < 0)
        for_second = tuple(place for place, sign in zip(places, signs[:, column], strict=True) if sign > 0)
        if for_first and for_second:
            found.append(Contradiction(first, second, for_first, for_second))
    return sorted(found, key=lambda each: -min(len(each.for_first), len(each.for_second)))
