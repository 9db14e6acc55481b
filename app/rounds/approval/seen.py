"""What there is to see of samples before they reach labelers: figures, a table drawn at random, and what is far out.

Kept as JSON with the question, so that one can tell later what whoever decided has seen.
"""

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean, quantiles

from pydantic import BaseModel, ConfigDict


class Remark(StrEnum):
    """Why one should look at an output. Lengths, rewards and likelihoods are far out of the earlier policy's."""

    EMPTY = "empty"
    CUT_OFF = "cut_off"  # it never came to its end
    REFUSAL = "refusal"
    REPETITION = "repetition"
    SHORT = "short"
    LONG = "long"
    LOW_REWARD = "low_reward"
    HIGH_REWARD = "high_reward"
    UNLIKELY = "unlikely"
    CERTAIN = "certain"  # as policies become that have moved far from their reference


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spread(_Kept):
    """A distribution in short."""

    mean: float
    low: float  # a tenth is below
    middle: float
    high: float  # a tenth is above

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        if not values:
            return None
        tenths = quantiles(values, n=10, method="inclusive") if len(values) > 1 else [values[0]] * 9
        return cls(mean=fmean(values), low=tenths[0], middle=tenths[4], high=tenths[8])


class Figures(_Kept):
    """Of one policy's outputs. `alike`: those that look like another one of the same policy for the same prompt.

    `known`: of how many it is known how they ended; `shares`: outputs with a remark; `likelihood`: nats a token; `kl`:
    nats a completion, when its training ended, where that measured it.
    """

    outputs: int
    prompts: int
    alike: int
    known: int
    shares: dict[Remark, float]
    words: Spread | None
    reward: Spread | None
    likelihood: Spread | None
    kl: float | None


class Shown(_Kept):
    """An output of the table; its text is the completion's."""

    completion: int
    words: int
    repetition: float
    reward: float | None
    likelihood: float | None
    remarks: tuple[Remark, ...]


class Row(_Kept):
    """A prompt, an output of the new policy, and one of the earlier policy where that answered the same prompt."""

    prompt: int
    ours: Shown
    theirs: Shown | None


class Mixed(_Kept):
    """Another policy whose outputs go into the same tasks; its rows are beside outputs of the new policy."""

    policy: str
    figures: Figures
    rows: tuple[Row, ...]


class Seen(_Kept):
    """`earlier`: who answered beside it, a checkpoint's name, or None where people did.

    `drawn`: rows drawn at random by `seed`; `far_out`: rows drawn of those with a remark; `same`: the share of outputs
    that are word for word an answer of the earlier policy to the same prompt, None where it answered none of them.
    `mixed`: the other policies of the mix.
    """

    policy: str
    earlier: str | None
    ours: Figures
    theirs: Figures | None
    same: float | None
    seed: str
    drawn: tuple[Row, ...]
    far_out: tuple[Row, ...]
    mixed: tuple[Mixed, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """All that are shown."""
        return [*self.drawn, *self.far_out, *(row for each in self.mixed for row in each.rows)]
