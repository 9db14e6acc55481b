"""How often one policy's outputs are preferred to another's, ties counting half (InstructGPT, section 4.1)."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Verdict:
    """One comparison of the two policies on one prompt: 1 a win, .5 a tie, 0 a loss."""

    prompt_id: int
    outcome: float


@dataclass(frozen=True)
class WinRate:
    """`low` and `high`: 95 % interval, clustered by prompt; None with fewer than two prompts."""

    rate: float
    low: float | None
    high: float | None
    wins: int
    ties: int
    losses: int
    prompts: int

    @property
    def verdicts(self) -> int:
        return self.wins + self.ties + self.losses


def win_rate(verdicts: Iterable[Verdict]) -> WinRate | None:
    """None where nothing was compared.

    The variance is that of a ratio estimator over prompts (Cochran, Sampling Techniques, section 6.3): verdicts on
    one prompt are not independent. The interval is Wilson's for the effective number of verdicts, so that it stays
    within 0 and 1 and keeps its width where every verdict agrees.
    """
    outcomes: dict[int, list[float]] = defaultdict(list)
    for verdict in verdicts:
        outcomes[verdict.prompt_id].append(verdict.outcome)
    every = [outcome for of_prompt in outcomes.values() for outcome in of_prompt]
    if not every:
        return None
    rate = sum(every) / len(every)
    low, high = _interval(list(outcomes.values()), rate)
    wins, ties = every.count(1.0), every.count(0.5)
    return WinRate(rate, low, high, wins, ties, len(every) - wins - ties, len(outcomes))


def _interval(clusters: list[list[float]], rate: float) -> tuple[float | None, float | None]:
    prompts, count = len(clusters), sum(map(len, clusters))
    if prompts < 2:
        return None, None
    squares = sum(sum(outcome - rate for outcome in cluster) ** 2 for cluster in clusters)
    variance = squares * prompts / (prompts - 1) / count**2
    effective = rate * (1 - rate) / variance if variance > 0 else float(prompts)
    return _wilson(rate, effective)


def _wilson(rate: float, n: float) -> tuple[float, float]:
    """Wilson (1927): the rates that a normal test at 5 % would not refuse, n verdicts having been seen."""
    square = NORMAL_95**2
    middle = (rate + square / (2 * n)) / (1 + square / n)
    half = NORMAL_95 * math.sqrt(rate * (1 - rate) / n + square / (4 * n * n)) / (1 + square / n)
    return middle - half, middle + half
