"""Which layout a batch takes: the one that costs less on this model and device."""

from collections.abc import Sequence
from typing import Any

import torch

from trainer.config import BadSetting
from trainer.groups import RankedGroup
from trainer.layout import Rows, rows_from_groups
from trainer.shared_attention import FAMILIES, can_share
from trainer.shared_prompt import SharedPrompts, runs_of, shared_from_groups

# What the small operations that `shared` adds to a layer cost, in multiplications of a step that the device would do
# meanwhile. On a CPU core about a millisecond: the least that told winners from losers over 22 shapes of two models.
# For CUDA it is an estimate, some thirty launches.
EXTRA = {"cpu": 1e7, "cuda": 1e10}

# The last layer's share that `shared` computes for all tokens, their keys and values, is about a fourth of a layer.
LAST_LAYER = 0.25


class LayOut:
    """From groups to a batch for one model, on its device. Raises `BadSetting` where `shared` cannot be had."""

    def __init__(self, backbone: Any, layout: str, pad_id: int, device: torch.device) -> None:
        if layout == "shared" and not can_share(backbone):
            raise BadSetting("layout", f"must be rows or auto with {backbone.config.model_type}")
        self.layout = layout
        self.pad_id = pad_id
        self.device = device
        self.cost = Cost(backbone, EXTRA[device.type]) if layout == "auto" and can_share(backbone) else None

    def __call__(self, groups: Sequence[RankedGroup]) -> Rows | SharedPrompts:
        """For what is read once a completion: scores."""
        return self._laid_out(groups, LAST_LAYER)

    def to_predict(self, groups: Sequence[RankedGroup]) -> Rows | SharedPrompts:
        """For what is read before each completion token: log-probabilities and values."""
        written = sum(len(ids) for group in groups for ids in group.completion_ids)
        share = written / sum(group.tokens for group in groups)
        return self._laid_out(groups, LAST_LAYER + (1 - LAST_LAYER) * share)

    def _laid_out(self, groups: Sequence[RankedGroup], last_layer: float) -> Rows | SharedPrompts:
        cost = self.cost
        if self.layout == "shared" or (cost and cost.of_shared(groups, last_layer) < cost.of_rows(groups)):
            return shared_from_groups(groups).to(self.device)
        return rows_from_groups(groups, self.pad_id).to(self.device)


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
        tokens = sum(len(group.prompt_ids) for group in groups) + sum(len(ids) for ids in completions)
        prompts = [len(group.prompt_ids) for group in groups]
        longest = max(map(len, completions))
        among_prompts = sum(count * width**2 for count, width in runs_of(prompts)) / 2
        meetings = among_prompts + len(completions) * longest * (max(prompts) + longest)
        attention = 2 * self.width * meetings
        return (self.layers - 1 + last_layer) * (tokens * self.weights + attention) + self.layers * self.extra
