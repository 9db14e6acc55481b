"""What was found by one sign, and how it becomes a warning or a pause."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.quality.gold.models import Level, SignKind
from app.quality.resampling import Floats
from app.quality.signs.answers import Given
from app.quality.signs.evidence import evidence, in_decimals

# Seven signs, each raised of an honest labeler with a probability of at most 1 / 158: all of them together warn of
# fewer than one in twenty, however often they are looked at.
WARN_FROM = 2.2  # decimal logarithm of the evidence
PAUSE_FROM = 4.0
MOST_NAMED = 30  # tasks behind a sign


@dataclass(frozen=True)
class Thresholds:
    """Agreement with known answers, as a share of pairs."""

    warn_below: float
    pause_below: float


@dataclass(frozen=True)
class Finding:
    """`level` is None where nothing is wrong. `evidence` is a decimal logarithm, the most there was at any time.

    `observed` is held against `expected`; `tasks` are those that say most; `other` is whose answers were copied.
    """

    kind: SignKind
    level: Level | None
    evidence: float
    observed: float
    expected: float
    looked_at: int
    tasks: tuple[int, ...]
    other: int | None = None


def finding(
    kind: SignKind,
    looked_at: Sequence[Given],
    alternatives: Sequence[Sequence[float] | Floats],
    observed: float,
    expected: float,
    *,
    pause_from: float | None = None,
    other: int | None = None,
    suspects: int = 1,
) -> Finding:
    """From the factors of each answer under each alternative; without `pause_from` it only ever warns.

    `suspects`: how many others it might have been, each as likely.
    """
    factors = [np.asarray(each, dtype=np.float64) for each in alternatives]
    most = in_decimals(float(evidence(factors).max() - np.log(suspects)))
    best = max(factors, key=lambda each: float(each.sum()))
    telling = [place for place in np.argsort(-best, kind="stable") if best[place] > 0][:MOST_NAMED]
    tasks = tuple(looked_at[place].task for place in telling)
    return Finding(kind, _level(most, pause_from), most, observed, expected, len(looked_at), tasks, other)


def _level(most: float, pause_from: float | None) -> Level | None:
    if pause_from is not None and most >= pause_from:
        return Level.PAUSE
    return Level.WARNING if most >= WARN_FROM else None
