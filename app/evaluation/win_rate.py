"""How often one policy's outputs are preferred to another's, ties counting half (InstructGPT, section 4.1)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from app.evaluation.clusters import Cluster, clustered_share


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
    """None where nothing was compared."""
    outcomes: dict[int, list[float]] = defaultdict(list)
    for verdict in verdicts:
        outcomes[verdict.prompt_id].append(verdict.outcome)
    share = clustered_share(Cluster(sum(of_prompt), len(of_prompt)) for of_prompt in outcomes.values())
    if share is None:
        return None
    every = [outcome for of_prompt in outcomes.values() for outcome in of_prompt]
    wins, ties = every.count(1.0), every.count(0.5)
    return WinRate(share.value, share.low, share.high, wins, ties, len(every) - wins - ties, len(outcomes))
