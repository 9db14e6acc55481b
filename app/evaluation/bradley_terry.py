"""How strong each of several policies is, from all comparisons between them, ties included.

Davidson's model (1970) of policies i and j with strengths a and b: i wins with weight a, j with weight b, and they tie
with weight v sqrt(a b). So the odds of winning to losing are a / b, whatever the share of ties, and a tie says that the
two are close. Strengths are logarithms here, relative to a baseline's 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.quality.resampling import draws_of

ELO = 400 / np.log(10)  # points for a factor of e in the odds
PRIOR_PRECISION = 0.01  # of normal priors on strengths and on log v: one that never lost stays within reach
REPLICATES = 500
LARGEST_STEP = 2.0
ENOUGH_STEPS = 60
CLOSE_ENOUGH = 1e-9

Floats = NDArray[np.float64]
Outcomes = tuple[float, float, float]
"""How often the first won, they tied, the second won."""


@dataclass(frozen=True)
class Strength:
    """Logarithm of the odds of beating the baseline, where there is no tie; 95 % interval from the bootstrap."""

    policy: int
    value: float
    low: float
    high: float

    @property
    def elo(self) -> tuple[float, float, float]:
        return self.value * ELO, self.low * ELO, self.high * ELO


@dataclass(frozen=True)
class Strengths:
    """`ties`: the log of v; `unconnected` were never compared with the baseline, not even by way of others."""

    policies: tuple[Strength, ...]
    ties: float
    unconnected: tuple[int, ...] = ()


def strengths(verdicts: Mapping[int, Mapping[tuple[int, int], Outcomes]], baseline: int) -> Strengths | None:
    """From outcomes by prompt and by pair of policies. None where nothing was compared with the baseline.

    The bootstrap draws prompts, not verdicts: what is said of one prompt goes together.
    """
    every = {policy for pairs in verdicts.values() for pair in pairs for policy in pair}
    reached = _connected({pair for pairs in verdicts.values() for pair in pairs}, baseline)
    if len(reached) < 2:
        return None
    policies = [baseline, *sorted(reached - {baseline})]
    counts = _counts(verdicts, policies)
    features = _features(len(policies))
    best = _fit(counts.sum(axis=0)[None], features)[0]
    drawn = _fit(_resampled(counts), features)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    found = [Strength(baseline, 0.0, 0.0, 0.0)]
    for place, policy in enumerate(policies[1:]):
        found.append(Strength(policy, float(best[place]), float(low[place]), float(high[place])))
    return Strengths(tuple(found), float(best[-1]), tuple(sorted(every - reached)))


def _connected(pairs: set[tuple[int, int]], baseline: int) -> set[int]:
    reached, frontier = {baseline}, {baseline}
    while frontier:
        frontier = {other for pair in pairs for other in pair if reached & set(pair)} - reached
        reached |= frontier
    return reached


def _places(policies: int) -> list[tuple[int, int]]:
    return [(first, second) for first in range(policies) for second in range(first + 1, policies)]


def _counts(verdicts: Mapping[int, Mapping[tuple[int, int], Outcomes]], policies: Sequence[int]) -> Floats:
    """`[prompts, pairs, 3]`, pairs in the order of `_places`."""
    column = {(policies[i], policies[j]): n for n, (i, j) in enumerate(_places(len(policies)))}
    counts = np.zeros((len(verdicts), len(column), 3))
    for row, pairs in enumerate(verdicts.values()):
        for (first, second), outcomes in pairs.items():
            if (first, second) in column:
                counts[row, column[first, second]] += outcomes
            elif (second, first) in column:
                counts[row, column[second, first]] += outcomes[::-1]
    return counts


def _features(policies: int) -> Floats:
    """`[pairs, 3, D]`: the log weight of each outcome is linear in D numbers: strengths but the baseline's, log v."""
    features = np.zeros((len(_places(policies)), 3, policies))
    for row, (first, second) in enumerate(_places(policies)):
        for place, sign in ((first, 0.5), (second, -0.5)):
            if place:
                features[row, 0, place - 1] += sign
                features[row, 2, place - 1] -= sign
        features[row, 1, -1] = 1.0
    return features


def _resampled(counts: Floats) -> Floats:
    """`[REPLICATES, pairs, 3]`: whole prompts drawn with replacement."""
    flat = counts.reshape(len(counts), -1)
    drawn = np.concatenate([weights @ flat for weights in draws_of(len(counts), REPLICATES)])
    return drawn.reshape(REPLICATES, *counts.shape[1:])


def _fit(counts: Floats, features: Floats) -> Floats:
    """`[N, pairs, 3]` counts to `[N, D]` numbers of largest posterior density, by Newton's method; it is concave."""
    numbers, width = len(counts), features.shape[-1]
    found = np.zeros((numbers, width))
    total = counts.sum(axis=2)  # [N, pairs]
    squares = np.einsum("pod,poe->pode", features, features).reshape(-1, width * width)
    for _ in range(ENOUGH_STEPS):
        logits = np.einsum("pod,nd->npo", features, found)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        expected = weights / weights.sum(axis=2, keepdims=True) * total[:, :, None]  # [N, pairs, 3]
        gradient = np.einsum("npo,pod->nd", counts - expected, features) - PRIOR_PRECISION * found
        first = np.einsum("npo,pod->npd", expected, features)
        second = (expected.reshape(numbers, -1) @ squares).reshape(numbers, width, width)
        mean = first / np.maximum(total, 1)[:, :, None]
        curvature = second - np.einsum("npd,npe->nde", first, mean) + PRIOR_PRECISION * np.eye(width)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        found += np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < CLOSE_ENOUGH:
            break
    return found
