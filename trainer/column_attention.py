"""Attention for the layout `shared` on any device: each prompt's keys and values, expanded over its completions.

They are computed once, and gradients flow back through them. Sequences stand in columns here, filled up to the longest.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.shared_prompt import AttentionSettings, Ragged, SharedPrompts, placed

Positions = Callable[[], tuple[Tensor, Tensor]]
NEVER = 2**30  # the position of a filler: after everything


class ColumnAttention:
    """The attention of one batch; queries, keys, values and what comes back are [T, heads, width].

    Rows below are sequences of columns: [G, P, heads, width] of prompts, [N, R, heads, width] of completions.
    """

    def __init__(self, shared: SharedPrompts, last_layer: int | None) -> None:
        """`last_layer`: number of the layer where only the scored tokens ask; None where all do in every layer."""
        self.shared = shared
        self.last_layer = last_layer
        self.masks: dict[tuple[str, int | None], Tensor] = {}

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
        shared = self.shared
        of_prompts, of_completions = columns_of(query, shared)
        keys, own_keys = columns_of(key, shared)
        values, own_values = columns_of(value, shared)
        read = self._among_prompts(of_prompts, keys, values, settings)
        keys, values = seen(keys, own_keys, shared.groups), seen(values, own_values, shared.groups)
        mask = self._mask(self._completions_positions, settings.window, query.dtype)
        written = attention(of_completions, keys, values, mask, settings)
        return torch.cat([as_tokens(read, shared.prompts), as_tokens(written, shared.completions)])

    def _among_prompts(self, query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
        """[G, P, heads, width], prompts of like length at a time."""
        mask = self._mask(self._prompts_positions, settings.window, query.dtype) if settings.window else None
        runs = self.shared.prompts.runs
        parts = [states.split([count for count, _ in runs]) for states in (query, key, value)]
        read = []
        for (_, width), asking, keys, values in zip(runs, *parts, strict=True):
            seen_by_run = None if mask is None else mask[..., :width, :width]
            run = attention(asking[:, :width], keys[:, :width], values[:, :width], seen_by_run, settings)
            read.append(F.pad(run, (0, 0, 0, 0, 0, query.shape[1] - width)))
        return torch.cat(read)

    def at_scored(self, query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
        """The same at the scored tokens, and 0 elsewhere."""
        shared = self.shared
        owners = shared.groups[shared.readers]
        keys, values = (
            seen(prompts, completions.index_select(0, shared.readers), owners)
            for prompts, completions in (columns_of(key, shared), columns_of(value, shared))
        )
        mask = self._mask(self._scored_positions, settings.window, query.dtype)
        read = attention(query.index_select(0, shared.scored)[:, None], keys, values, mask, settings)
        return placed(read[:, 0], shared.scored, shared.count)

    def _mask(self, positions: Positions, window: int | None, dtype: torch.dtype) -> Tensor:
        """What is added to the logits, [rows or 1, 1, queries, keys]; made once for all layers."""
        name = positions.__name__, window
        if name not in self.masks:
            self.masks[name] = visible(*positions(), window, dtype)
        return self.masks[name]

    def _prompts_positions(self) -> tuple[Tensor, Tensor]:
        columns = torch.arange(self.shared.prompts.width, device=self.shared.groups.device)[None]
        return columns, columns

    def _completions_positions(self) -> tuple[Tensor, Tensor]:
        """One row will do for all where all prompts are of one length."""
        lengths = self.shared.prompts.lengths
        lengths = lengths[:1] if self.shared.prompts.even else lengths[self.shared.groups]
        asking = lengths[:, None] + torch.arange(self.shared.completions.width, device=lengths.device)
        return asking, self._seen_positions(lengths)

    def _scored_positions(self) -> tuple[Tensor, Tensor]:
        lengths = self.shared.prompts.lengths[self.shared.groups[self.shared.readers]]
        return self.shared.positions[self.shared.scored][:, None], self._seen_positions(lengths)

    def _seen_positions(self, prompt_lengths: Tensor) -> Tensor:
        """[rows, P + R] positions of a prompt's columns and of what follows it."""
        device, lengths = prompt_lengths.device, prompt_lengths[:, None]
        of_prompt = torch.arange(self.shared.prompts.width, device=device).expand(len(lengths), -1)
        of_own = lengths + torch.arange(self.shared.completions.width, device=device)
        return torch.cat([of_prompt.masked_fill(of_prompt >= lengths, NEVER), of_own], dim=1)


def visible(asking: Tensor, keys: Tensor, window: int | None, dtype: torch.dtype) -> Tensor:
    """[rows, 1, queries, keys] 0 where a key stands no later than the query and within the window, else -inf."""
    distance = asking[:, :, None] - keys[:, None, :]
    hidden = (distance < 0) | (distance >= window) if window else distance < 0
    return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill(hidden, -torch.inf)[:, None]


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, settings: AttentionSettings) -> Tensor:
    """[rows, queries, heads, width] of [rows, queries or keys, heads, width]; causal where there is no mask.

    Keys may have fewer heads. Under a mask the heads that share a key ask it one after the other, so that no key is
    copied for them.
    """
    rows, queries, heads, width = query.shape
    groups = key.shape[2]
    sharing = heads // groups
    key, value = key.transpose(1, 2), value.transpose(1, 2)
    options: dict[str, Any] = {"scale": settings.scaling, "dropout_p": settings.dropout}
    if mask is None:
        read = F.scaled_dot_product_attention(
            query.transpose(1, 2), key, value, is_causal=True, enable_gqa=sharing > 1, **options
        )
        return read.transpose(1, 2)
    query = query.view(rows, queries, groups, sharing, width).permute(0, 2, 3, 1, 4)
    query = query.reshape(rows, groups, sharing * queries, width)
    read = F.scaled_dot_product_attention(query, key, value, attn_mask=mask.repeat(1, 1, sharing, 1), **options)
    read = read.view(rows, groups, sharing, queries, width).permute(0, 3, 1, 2, 4)
    return read.reshape(rows, queries, heads, width)


def seen(of_prompts: Tensor, own: Tensor, owners: Tensor) -> Tensor:
    """[N, P + R, heads, width] what each completion sees: its prompt and itself."""
    return torch.cat([of_prompts.index_select(0, owners), own], dim=1)


def columns_of(tokens: Tensor, shared: SharedPrompts) -> tuple[Tensor, Tensor]:
    """[G, P, ...] of the prompts and [N, R, ...] of the completions, from [T, ...]."""
    prompts, completions = tokens.split([shared.prompts.count, shared.completions.count])
    return in_columns(prompts, shared.prompts), in_columns(completions, shared.completions)


def in_columns(tokens: Tensor, part: Ragged) -> Tensor:
    """[M, W, ...] the tokens of a part, each sequence in a row of its own."""
    if not part.even:
        tokens = _InColumns.apply(tokens, part)  # type: ignore[no-untyped-call]
    return tokens.reshape(len(part.lengths), part.width, *tokens.shape[1:])


def as_tokens(columns: Tensor, part: Ragged) -> Tensor:
    """Undoes `in_columns`; what stands in columns without a token is dropped."""
    flat = columns.flatten(0, 1)
    if not part.even:
        flat = _AsTokens.apply(flat, part)  # type: ignore[no-untyped-call]
    return flat


class _InColumns(torch.autograd.Function):
    """Its gradient is picked, not added up: a column without a token is masked, so none comes from there."""

    @staticmethod
    def forward(context: Any, tokens: Tensor, part: Ragged) -> Tensor:
        context.part = part
        return tokens.index_select(0, part.columns.flatten())

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, context.part.places), None


class _AsTokens(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, columns: Tensor, part: Ragged) -> Tensor:
        context.part = part
        return columns.index_select(0, part.places)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return placed(gradient, context.part.places, context.part.columns.numel()), None
