"""Attention for the layout `shared` on a GPU: the row as it is, under a block mask (FlexAttention, Dong et al. 2024).

No key is copied and nothing is filled up: blocks of 128 queries and 128 keys of which none may meet are passed over.
torch has no gradient of it on a CPU.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from trainer.shared_prompt import AttentionSettings, SharedPrompts, placed

Visible = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class BlockAttention:
    """The attention of one batch; queries, keys, values and what comes back are [T, heads, width]."""

    def __init__(self, shared: SharedPrompts, last_layer: int | None) -> None:
        """`last_layer`: number of the layer where only the scored tokens ask; None where all do in every layer."""
        self.shared = shared
        self.last_layer = last_layer
        self.masks: dict[tuple[int, int | None], BlockMask] = {}

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
        everything = torch.arange(self.shared.count, device=query.device)
        return self._attend(query, key, value, everything, settings)

    def at_scored(self, query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
        """The same at the scored tokens, and 0 elsewhere."""
        scored = self.shared.scored
        read = self._attend(query.index_select(0, scored), key, value, scored, settings)
        return placed(read, scored, self.shared.count)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, asking: Tensor, settings: AttentionSettings) -> Tensor:
        """`asking` [Q]: which tokens the queries are of. Under autocast values alone have its type already."""
        states = (states.to(value.dtype).transpose(0, 1)[None] for states in (query, key, value))
        mask = self._mask(asking, settings.window)
        shared_heads = query.shape[1] != key.shape[1]
        attend = kernel(query.device.type)
        read: Tensor = attend(*states, block_mask=mask, scale=settings.scaling, enable_gqa=shared_heads)
        return read[0].transpose(0, 1)

    def _mask(self, asking: Tensor, window: int | None) -> BlockMask:
        """Made once for all layers."""
        name = len(asking), window
        if name not in self.masks:
            make = mask_maker(asking.device.type)
            visible = visible_to(asking, self.shared, window)
            self.masks[name] = make(visible, None, None, len(asking), self.shared.count, device=asking.device)
        return self.masks[name]


def visible_to(asking: Tensor, shared: SharedPrompts, window: int | None) -> Visible:
    """Whether a query sees a key: one of its own sequence or of its prompt, no later than itself, in the window."""
    sequences, prompts, positions = shared.sequences, shared.prompts_of_tokens, shared.positions

    def visible(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        token, owner = asking[query], sequences[key]
        seen = ((owner == sequences[token]) | (owner == prompts[token])) & (key <= token)
        return seen & (positions[token] - positions[key] < window) if window else seen

    return visible


@cache
def kernel(device: str) -> Any:
    return torch.compile(flex_attention, dynamic=True) if device == "cuda" else flex_attention


@cache
def mask_maker(device: str) -> Any:
    """Compiled, it keeps no table of all tokens by all tokens."""
    return torch.compile(create_block_mask, dynamic=True) if device == "cuda" else create_block_mask
