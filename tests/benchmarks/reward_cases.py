"""Rankings of random tokens in the shapes that the reward benchmark measures."""

import math
import random
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from trainer.groups import RankedGroup

VOCABULARY = 2048
FIRST_WORD = 3  # below it stand the special tokens; TRL looks for the filler among the words
FIXED = ((4, 128, 64), (9, 128, 64), (9, 256, 64), (9, 128, 128), (9, 64, 256))
RANKINGS = 2
MIX = range(4, 10)
MEAN, MEDIAN = 199, 64


@dataclass(frozen=True)
class Case:
    """`k`, `prompt`, `completion`: tokens, or "mix" where they are drawn."""

    k: int | str
    prompt: int | str
    completion: int | str
    groups: list[RankedGroup]


def all_cases(seed: int = 0) -> list[Case]:
    draw = random.Random(seed)
    fixed = [
        Case(k, prompt, completion, [ranking(draw, prompt, [completion] * k) for _ in range(RANKINGS)])
        for k, prompt, completion in FIXED
    ]
    return [*fixed, Case("mix", "mix", "mix", mix(draw))]


def mix(draw: random.Random) -> list[RankedGroup]:
    """InstructGPT's lengths: one ranking of each K from 4 to 9, on a prompt of any length; completions of 32 to 96."""
    prompts = prompt_lengths(len(MIX))
    draw.shuffle(prompts)
    return [
        ranking(draw, prompt, [draw.randint(32, 96) for _ in range(k)]) for k, prompt in zip(MIX, prompts, strict=True)
    ]


def prompt_lengths(count: int) -> list[int]:
    """The means of equally likely parts of the log-normal with the paper's mean and median."""
    spread, normal = math.sqrt(2 * math.log(MEAN / MEDIAN)), NormalDist()
    edges = [-math.inf, *(normal.inv_cdf(place / count) for place in range(1, count)), math.inf]
    return [
        round(MEAN * count * (normal.cdf(above - spread) - normal.cdf(below - spread)))
        for below, above in pairwise(edges)
    ]


def ranking(draw: random.Random, prompt: int, completions: list[int]) -> RankedGroup:
    """Without ties, in random order."""

    def words(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(FIRST_WORD, VOCABULARY) for _ in range(count))

    ranks = draw.sample(range(1, len(completions) + 1), len(completions))
    written = tuple(words(length) for length in completions)
    return RankedGroup("random", words(prompt), written, tuple(ranks), (False,) * len(completions))
