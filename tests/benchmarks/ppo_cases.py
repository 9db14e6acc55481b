"""Batches of prompts that the PPO benchmark measures, and what a side tells of its first iteration on one."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from tests.benchmarks.reward_cases import FIRST_WORD, VOCABULARY, prompt_lengths

NO_TOKEN = VOCABULARY  # ends and fills up what no model can draw
LEARNING_RATE = 1e-4
KL_COEFFICIENT = 0.02


@dataclass(frozen=True)
class Case:
    """`prompts`: lengths in tokens; `k` completions of each, all of `completion` tokens, in `minibatches` updates."""

    name: str
    prompts: tuple[int, ...]
    k: int
    completion: int
    minibatches: int = 2
    hidden: int = 256
    layers: int = 4

    @property
    def rollouts(self) -> int:
        return len(self.prompts) * self.k

    @property
    def prompt_ids(self) -> list[tuple[int, ...]]:
        draw = random.Random(0)
        return [tuple(draw.randrange(FIRST_WORD, VOCABULARY) for _ in range(length)) for length in self.prompts]


def all_cases(hidden: int, layers: int) -> list[Case]:
    """InstructGPT's lengths with one completion each, as in the paper; several completions; all prompts alike."""
    size = {"hidden": hidden, "layers": layers}
    return [
        Case("mix", tuple(prompt_lengths(8)), k=1, completion=64, **size),
        Case("several", (256,) * 4, k=4, completion=64, **size),
        Case("even", (128,) * 16, k=1, completion=64, **size),
    ]


@dataclass(frozen=True)
class Replay:
    """One iteration's rollouts, and the order in which they were learned from."""

    prompts: Sequence[Sequence[int]]
    completions: Sequence[Sequence[int]]
    order: Sequence[int]


@dataclass(frozen=True)
class Told:
    """What a side made of a replay. `advantages` [N, R] before whitening; `gradients` of the first update."""

    advantages: Tensor
    policy_loss: float
    value_loss: float
    ratio: float
    gradients: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]  # after all updates


@dataclass(frozen=True)
class Seconds:
    """Process time of each iteration, and of the updates in it."""

    updates: Sequence[float]
    iterations: Sequence[float]
