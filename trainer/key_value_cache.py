"""Keys and values of a decoding batch, in memory taken once.

The cache of transformers grows by concatenation; copying it at every token was nine tenths of the time that a small
model spends decoding on a CPU.
"""

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


def preallocated_cache(layers: int, capacity: int) -> Cache:
    """Room for `capacity` tokens in each row, prompt and completion together."""
    return Cache(layers=[PreallocatedLayer(capacity) for _ in range(layers)])
