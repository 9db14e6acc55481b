"""What a simulated labeler thinks of texts about a place: errors decide, and now and then the labeler is mistaken.

Equal errors are a tie. To be mistaken is to confuse whole tiers, so that the answer is always a ranking with the same
ties: the order of the tiers is drawn from a Mallows model around the right one (Mallows 1957; by repeated insertion,
Doignon et al. 2004), spread so that a share `noise` of all pairs of tiers is expected the wrong way round. Neighbours
are confused most, the best and the worst hardly ever. Ratings and flags are the honest ones.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from app.simulation.facts import Checker, Facts, Findings

POINTS = 7
MANY_MISSING = 3


@dataclass(frozen=True)
class Opinion:
    """Of K texts, in the order they were given: dense ranks (1 is best), points 1 to 7, names of the flags ticked."""

    ranks: tuple[int, ...]
    points: tuple[int, ...]
    flags: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Taste:
    """`noise`: the share of strict preferences that come out the wrong way round, from 0 to below one half."""

    checker: Checker
    seed: int
    noise: float = 0.1

    def opinion(self, labeler: str, facts: Facts, texts: list[str]) -> Opinion:
        """The same for the same labeler, facts and texts, in whatever order the texts are shown."""
        findings = [self.checker.check(facts, text) for text in texts]
        errors = [found.errors for found in findings]
        random = self.random(labeler, str(facts), *sorted(texts))
        return Opinion(
            ranks=mistaken_ranks(errors, self.noise, random),
            points=tuple(max(1, POINTS - count) for count in errors),
            flags=tuple(_flags(found) for found in findings),
        )

    def random(self, labeler: str, *task: str) -> Random:
        """What chance holds for this labeler in this task."""
        key = "\0".join([str(self.seed), labeler, *task])
        return Random(hashlib.sha256(key.encode(errors="surrogatepass")).digest())


def mistaken_ranks(errors: list[int], noise: float, random: Random) -> tuple[int, ...]:
    """Dense ranks by fewest errors, with tiers confused."""
    tiers = sorted(set(errors))
    spread = _spread(len(tiers), noise)
    order: list[int] = []
    for place, tier in enumerate(tiers):
        passed = random.choices(range(place + 1), [spread**steps for steps in range(place + 1)])[0]
        order.insert(place - passed, tier)
    return tuple(order.index(count) + 1 for count in errors)


@lru_cache
def _spread(tiers: int, noise: float) -> float:
    """Mallows' dispersion, in [0, 1], at which a share `noise` of the pairs of tiers is expected to be inverted."""
    if tiers < 2 or noise <= 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _inverted_share(tiers, middle) < noise else (low, middle)
    return low


def _inverted_share(tiers: int, spread: float) -> float:
    expected = 0.0
    for place in range(tiers):
        weights = [spread**steps for steps in range(place + 1)]
        expected += sum(steps * weight for steps, weight in enumerate(weights)) / sum(weights)
    return expected / (tiers * (tiers - 1) / 2)


def _flags(found: Findings) -> frozenset[str]:
    """By the names of InstructGPT's form (Ouyang et al. 2022, table 3)."""
    flags = {"hallucination"} if found.wrong or found.invented else set[str]()
    if len(found.missing) >= MANY_MISSING or found.broken:
        flags.add("fails_task")
    return frozenset(flags)
