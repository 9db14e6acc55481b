"""Copying: the very answer that one other labeler gave before, far more often than two honest ones coincide."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from app.quality.gold.models import SignKind
from app.quality.resampling import Floats
from app.quality.signs.answers import Answers, Given
from app.quality.signs.evidence import evidence, of_events
from app.quality.signs.findings import Finding, finding

MORE_OFTEN = (0.3, 0.8)
HARDLY = 0.05  # less than this is never taken as the chance of a coincidence

Pair = tuple[Given, Given]


def of_copying(answers: Answers) -> Finding | None:
    """Only of who was later. An answer is its whole ranking with its ties, and all ratings.

    Two honest labelers coincide as often as any two others on these tasks; where little is known, one time in five.
    Whom to suspect is not known before, so each of the others is as likely at first. It never pauses: that somebody
    copied is for people to find out.
    """
    after = _pairs_with_those_before(answers)
    if not after:
        return None
    honest = _chance_of_coincidence(answers)
    factors = {other: _alternatives(pairs, honest) for other, pairs in after.items()}
    suspect = max(factors, key=lambda other: float(evidence(factors[other]).max()))
    pairs = after[suspect]
    return finding(
        SignKind.COPYING,
        [mine for mine, _ in pairs],
        factors[suspect],
        float(np.mean([_is_the_same(*pair) for pair in pairs])),
        honest,
        other=suspect,
        suspects=len(after),
    )


def _pairs_with_those_before(answers: Answers) -> dict[int, list[Pair]]:
    found: dict[int, list[Pair]] = defaultdict(list)
    for mine in answers.real:
        for theirs in answers.others.get(mine.task, ()):
            if theirs.at < mine.at:
                found[theirs.labeler].append((mine, theirs))
    return found


def _alternatives(pairs: Sequence[Pair], honest: float) -> list[Floats]:
    same = [_is_the_same(*pair) for pair in pairs]
    return [of_events(same, honest, honest + (1 - honest) * part) for part in MORE_OFTEN]


def _chance_of_coincidence(answers: Answers) -> float:
    pairs = [pair for same in answers.others.values() for pair in combinations(same, 2)]
    return float(np.clip((_coincidences(pairs) + 2) / (len(pairs) + 10), HARDLY, 0.95))


def _coincidences(pairs: Iterable[Pair]) -> int:
    return sum(_is_the_same(*pair) for pair in pairs)


def _is_the_same(one: Given, other: Given) -> bool:
    return one.ranks == other.ranks and one.ratings == other.ratings
