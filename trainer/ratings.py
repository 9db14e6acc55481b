"""Ratings of outputs (quality, hallucination, a broken constraint) as a reward model learns them beside the ranking."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.config import BadSetting
from trainer.groups import RankedGroup

EVERY = "all"
MISSING = float("nan")


@dataclass(frozen=True)
class Attribute:
    """What one head tells: of a flag the probability, of a number `mean` + `spread` x its output."""

    name: str
    kind: Literal["flag", "number"]
    mean: float = 0.0
    spread: float = 1.0


def attributes_of(asked: str, groups: Sequence[RankedGroup]) -> tuple[Attribute, ...]:
    """Those named with commas between, or `all` that these groups bring. Raises `BadSetting`."""
    said: dict[str, list[float]] = {}
    for name, value in (item for group in groups for rating in group.ratings for item in rating.items()):
        said.setdefault(name, []).append(value)
    names = sorted(said) if asked == EVERY else [name.strip() for name in asked.split(",")]
    for name in names or ["all of them"]:
        if name not in said:
            raise BadSetting("ratings", f"asks for {name}, which no output of the split train has as flag or number")
    return tuple(_attribute(name, said[name]) for name in names)


def _attribute(name: str, said: Sequence[float]) -> Attribute:
    if all(isinstance(value, bool) for value in said):
        return Attribute(name, "flag")
    return Attribute(name, "number", statistics.fmean(said), statistics.pstdev(said) or 1.0)


def targets(attributes: Sequence[Attribute], groups: Sequence[RankedGroup]) -> Tensor:
    """[N, A] what the outputs of the heads should be: flags 0 or 1, numbers standardised, NaN where nobody said."""
    rows = [rating for group in groups for rating in group.ratings or ({},) * group.k]
    table = [[(row.get(one.name, MISSING) - one.mean) / one.spread for one in attributes] for row in rows]
    return torch.tensor(table).view(len(rows), len(attributes))


def ratings_loss(outputs: Tensor, wanted: Tensor, attributes: Sequence[Attribute]) -> Tensor:
    """Sum over what was rated: cross-entropy of a flag, squared error of a standardised number; [N, A] both."""
    rated = ~wanted.isnan()
    wanted = wanted.nan_to_num()
    flags = torch.tensor([one.kind == "flag" for one in attributes], dtype=torch.bool, device=outputs.device)
    entropy = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    return torch.where(flags, entropy, (outputs - wanted).square())[rated].sum()


def told(outputs: Tensor, attributes: Sequence[Attribute]) -> list[dict[str, float]]:
    """In the units of the ratings, a row for each output; a flag's probability."""
    return [
        {
            one.name: chance if one.kind == "flag" else one.mean + one.spread * value
            for one, value, chance in zip(attributes, values, chances, strict=True)
        }
        for values, chances in zip(outputs.tolist(), outputs.sigmoid().tolist(), strict=True)
    ]


def to_text(attributes: Sequence[Attribute]) -> str:
    return json.dumps([asdict(one) for one in attributes])


def from_text(text: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(**values) for values in json.loads(text))


def learnable(rating: Mapping[str, Any]) -> dict[str, float]:
    """Flags and numbers; choices and words have no order to learn."""
    return {name: value for name, value in rating.items() if isinstance(value, int | float) and math.isfinite(value)}
