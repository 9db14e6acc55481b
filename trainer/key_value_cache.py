"""Keys and values of a decoding batch, in memory taken once.

The cache of transformers grows by concatenation; copying it at every token was nine tenths of the time that a small
model spends decoding on a CPU.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer


class PreallocatedLayer(DynamicLayer):
    """One layer's `[rows, heads, tokens, width]`; `keys` and `values` are views of the part in use.

    Layers with a sliding window keep all tokens too: the model's mask hides those out of the window.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity = capacity
        self.used = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.key_store, self.value_store = self._room_for(key_states), self._room_for(value_states)
        self.is_initialized = True

    def _room_for(self, states: Tensor) -> Tensor:
        rows, heads, _, width = states.shape
        return states.new_empty(rows, heads, self.capacity, width)

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.used = self.used, self.used + key_states.shape[2]
        self.key_store[:, :, start : self.used] = key_states
        self.value_store[:, :, start : self.used] = value_states
        return self._views()

    def _views(self) -> tuple[Tensor, Tensor]:
        keys, values = self.key_store[:, :, : self.used], self.value_store[:, :, : self.used]
        self.keys, self.values = keys, values
        return keys, values

    def batch_select_indices(self, indices: Tensor) -> None:
        self.key_store = self._selected(self.key_store, indices)
        self.value_store = self._selected(self.value_store, indices)
        self._views()

    def _selected(self, store: Tensor, indices: Tensor) -> Tensor:
        selected = store[indices, :, : self.used]
        target = store[: len(indices)] if len(indices) <= len(store) else self._room_for(selected)
        target[:, :, : self.used] = selected
        return target

    def place(self, other: Any, rows: slice, end: int) -> None:
        """Write another layer's tokens into some rows, so that they end before column `end`."""
        columns = slice(end - other.used, end)
        self.key_store[rows, :, columns], self.value_store[rows, :, columns] = other.keys, other.values


def joined_on_the_right(caches: Sequence[Cache], capacity: int) -> Cache:
    """One cache with the rows of all, one after the other, filled up on the left as far as the longest; 0 there."""
    joined = preallocated_cache(len(caches[0].layers), capacity)
    parts: list[list[Any]] = [list(cache.layers) for cache in caches]  # each a PreallocatedLayer
    width = max(cache.get_seq_length() for cache in caches)
    sizes = [len(layers[0].keys) for layers in parts]
    target: Any
    for number, target in enumerate(joined.layers):
        first = parts[0][number]
        target.update(
            *(
                states.new_zeros(sum(sizes), states.shape[1], width, states.shape[3])
                for states in (first.keys, first.values)
            )
        )
        for layers, start, size in zip(parts, accumulate(sizes, initial=0), sizes, strict=False):
            target.place(layers[number], slice(start, start + size), width)
    return joined


def preallocated_cache(layers: int, capacity: int) -> Cache:
    """Room for `capacity` tokens in each row, prompt and completion together."""
    return Cache(layers=[PreallocatedLayer(capacity) for _ in range(layers)])
