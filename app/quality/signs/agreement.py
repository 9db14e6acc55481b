"""Agreement with known answers, with other labelers, and with oneself: whether it is below what it should be.

Honest is who agrees at least so much, in Mallows' model round the other ranking; the alternatives are rankings dealt
out blindly, halfway to that, and turned round. A labeler's own ties are taken as given.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from app.quality.gold.models import Level, SignKind
from app.quality.signs.answers import Answers, Given, Ranks
from app.quality.signs.evidence import mean_factor
from app.quality.signs.findings import Finding, Thresholds, finding
from app.quality.signs.orders import distance, log_weight, pairs_ordered, theta_of
from app.tasks.models import Purpose

FEWEST_PAIRS = 50  # fewer pairs of outputs say little of how far others agree among themselves
BELOW_OTHERS = 0.03
LOWEST, HIGHEST = 0.52, 0.7  # what agreement with others is held against
ONESELF = 0.62
TIMES = (0.0, 0.5, -1.0)  # the alternatives, as multiples of theta


def of_gold(answers: Answers, thresholds: Thresholds) -> Finding | None:
    """Held against both thresholds: below the second the labeler is paused. What was practised on is no test."""
    looked_at = [given for given in answers.own if given.purpose is Purpose.GOLD and given.task in answers.known]
    centres = [given.in_order_of(answers.known[given.task]) for given in looked_at]
    warned = _against(SignKind.GOLD, looked_at, centres, thresholds.warn_below)
    paused = _against(SignKind.GOLD, looked_at, centres, thresholds.pause_below)
    if warned is None or paused is None or paused.level is None:
        return warned
    return replace(paused, level=Level.PAUSE)


def of_repeats(answers: Answers) -> Finding | None:
    looked_at = [given for given in answers.own if set(given.completions) == set(answers.before.get(given.task, ()))]
    centres = [given.in_order_of(answers.before[given.task]) for given in looked_at]
    return _against(SignKind.REPEATS, looked_at, centres, ONESELF)


def of_others(answers: Answers) -> Finding | None:
    """Beside all others of the same real task, held against what these reach among themselves, less a margin."""
    looked_at = [given for given in answers.real if answers.others.get(given.task)]
    expected = _expected(answers)
    theirs = [[each.ranks for each in answers.others[given.task]] for given in looked_at]
    alternatives = [
        [
            mean_factor([_factor(times, expected, centre, given.ranks) for centre in centres])
            for given, centres in zip(looked_at, theirs, strict=True)
        ]
        for times in TIMES
    ]
    observed = _share([(centre, given.ranks) for given, same in zip(looked_at, theirs, strict=True) for centre in same])
    return finding(SignKind.OTHERS, looked_at, alternatives, observed, expected) if looked_at else None


def _expected(answers: Answers) -> float:
    pairs = [(one.ranks, other.ranks) for same in answers.others.values() for one, other in combinations(same, 2)]
    if sum(pairs_ordered(centre) for centre, _ in pairs) < FEWEST_PAIRS:
        return LOWEST + (HIGHEST - LOWEST) / 2
    return float(np.clip(_share(pairs) - BELOW_OTHERS, LOWEST, HIGHEST))


def _against(kind: SignKind, looked_at: Sequence[Given], centres: Sequence[Ranks], least: float) -> Finding | None:
    pairs = [(centre, given.ranks) for centre, given in zip(centres, looked_at, strict=True)]
    alternatives = [[_factor(times, least, centre, ranks) for centre, ranks in pairs] for times in TIMES]
    return finding(kind, looked_at, alternatives, _share(pairs), least) if pairs else None


def _factor(times: float, least: float, centre: Ranks, ranks: Ranks) -> float:
    theta = theta_of(least, len(centre))
    return log_weight(times * theta, centre, ranks) - log_weight(theta, centre, ranks)


def _share(pairs: Sequence[tuple[Ranks, Ranks]]) -> float:
    """Of the pairs of outputs that the first of each orders: how many the second orders alike, a tie being half."""
    ordered = sum(pairs_ordered(centre) for centre, _ in pairs)
    return 1 - sum(distance(centre, ranks) for centre, ranks in pairs) / ordered if ordered else 0.0
