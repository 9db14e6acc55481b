"""Which layout a batch takes: the one that costs less on this model and device."""

from collections.abc import Sequence
from typing import Any

import torch

from trainer.config import BadSetting
from trainer.groups import RankedGroup
from trainer.layout import Rows, rows_from_groups
from trainer.shared_attention import FAMILIES, can_share, drops_attention
from trainer.shared_prompt import SharedPrompts, runs_of, shared_from_groups

# What the small operations that `shared` adds to a layer cost, in multiplications of a step that the device would do
# meanwhile. On a CPU core about a millisecond: the least that told winners from losers over 22 shapes of two models.
# For CUDA it is an estimate, some thirty launches.
EXTRA = {"cpu": 1e7, "cuda": 1e10}

# FlexAttention computes so many queries by as many keys, or passes over them.
BLOCK = 128

# The last layer's share that `shared` computes for all tokens, their keys and values, is about a fourth of a layer.
LAST_LAYER = 0.25


class LayOut:
    """From groups to a batch for one model, on its device. Raises `BadSetting` where `shared` cannot be had."""

    def __init__(self, backbone: Any, layout: str, pad_id: int, device: torch.device) -> None:
        if layout in ("shared", "blocks") and not can_share(backbone):
            raise BadSetting("layout", f"must be rows or auto with {backbone.config.model_type}")
        if layout == "blocks" and not can_take_blocks(backbone, device):
            raise BadSetting("layout", "must not be blocks without a GPU, or with dropout in attention")
        self.pad_id = pad_id
        self.device = device
        self.layouts = layouts_of(backbone, device) if layout == "auto" else (layout,)
        self.cost = Cost(backbone, EXTRA[device.type]) if len(self.layouts) > 1 else None

    def __call__(self, groups: Sequence[RankedGroup]) -> Rows | SharedPrompts:
        """For what is read once a completion: scores."""
        return self._laid_out(groups, LAST_LAYER)

    def to_predict(self, groups: Sequence[RankedGroup]) -> Rows | SharedPrompts:
        """For what is read before each completion token: log-probabilities and values."""
        share = sum(group.written for group in groups) / sum(group.tokens for group in groups)
        return self._laid_out(groups, LAST_LAYER + (1 - LAST_LAYER) * share)

    def _laid_out(self, groups: Sequence[RankedGroup], last_layer: float) -> Rows | SharedPrompts:
        layout = self.cost.least(self.layouts, groups, last_layer) if self.cost else self.layouts[0]
        if layout == "rows":
            return rows_from_groups(groups, self.pad_id).to(self.device)
        return shared_from_groups(groups, "blocks" if layout == "blocks" else "columns").to(self.device)


def layouts_of(backbone: Any, device: torch.device) -> tuple[str, ...]:
    """Those that this model may be given on this device."""
    if not can_share(backbone):
        return ("rows",)
    return ("rows", "shared", "blocks") if can_take_blocks(backbone, device) else ("rows", "shared")


def can_take_blocks(backbone: Any, device: torch.device) -> bool:
    """FlexAttention has no dropout, and on a CPU no gradient."""
    return device.type == "cuda" and not drops_attention(backbone)


class Cost:
    """Multiplications of one pass: each weight of a layer once a token, and each query with each key, twice."""

    def __init__(self, backbone: Any, extra: float) -> None:
        layers = getattr(backbone, FAMILIES[backbone.config.model_type].layers)
        self.layers = len(layers)
        self.weights: int = sum(parameter.numel() for parameter in layers[-1].parameters())
        self.width = int(backbone.config.hidden_size)
        self.extra = extra

    def of_rows(self, groups: Sequence[RankedGroup]) -> float:
        """Each row as long as the longest; half of the queries and keys meet."""
        rows, longest = sum(group.k for group in groups), max(group.longest for group in groups)
        return self.layers * rows * longest * (self.weights + self.width * longest)

    def of_shared(self, groups: Sequence[RankedGroup], last_layer: float = LAST_LAYER) -> float:
        """Attention is filled up, all else is not; `last_layer`: what is computed of it."""
        completions = [ids for group in groups for ids in group.completion_ids]
        prompts = [len(group.prompt_ids) for group in groups]
        longest = max(map(len, completions))
        among_prompts = sum(count * width**2 for count, width in runs_of(prompts)) / 2
        meetings = among_prompts + len(completions) * longest * (max(prompts) + longest)
        return self._of_tokens(groups, meetings, last_layer)

    def of_blocks(self, groups: Sequence[RankedGroup], last_layer: float = LAST_LAYER) -> float:
        """Nothing is filled up, but a sequence meets whole blocks of keys."""
        meetings = 0.0
        for group in groups:
            prompt = len(group.prompt_ids)
            meetings += prompt * (prompt + BLOCK) / 2
            meetings += sum(len(ids) * (prompt + BLOCK + (len(ids) + BLOCK) / 2) for ids in group.completion_ids)
        return self._of_tokens(groups, meetings, last_layer)

    def least(self, layouts: Sequence[str], groups: Sequence[RankedGroup], last_layer: float) -> str:
        """The cheapest, the first of equals."""
        costs = {
            "rows": lambda: self.of_rows(groups),
            "shared": lambda: self.of_shared(groups, last_layer),
            "blocks": lambda: self.of_blocks(groups, last_layer),
        }
        return min(layouts, key=lambda layout: costs[layout]())

    def _of_tokens(self, groups: Sequence[RankedGroup], meetings: float, last_layer: float) -> float:
        """Of tokens that stand in one row; `meetings`: how many queries meet how many keys, in each layer."""
        tokens = sum(group.tokens for group in groups)
        of_a_layer = tokens * self.weights + 2 * self.width * meetings
        return (self.layers - 1 + last_layer) * of_a_layer + self.layers * self.extra
