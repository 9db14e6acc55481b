"""The last hidden states of a decoder where they are read, the same for both layouts."""

from typing import Any

import torch
from torch import Tensor

from trainer.layout import Rows
from trainer.shared_attention import predicting_hidden, scored_hidden
from trainer.shared_prompt import SharedPrompts


def scored_states(backbone: Any, batch: Rows | SharedPrompts) -> Tensor:
    """[N, width] at the last token of each completion."""
    if isinstance(batch, SharedPrompts):
        return scored_hidden(backbone, batch)
    hidden = row_states(backbone, batch)
    return hidden[torch.arange(len(hidden), device=hidden.device), batch.last]


def predicting_states(backbone: Any, batch: Rows | SharedPrompts) -> Tensor:
    """[M, width] before each of the M completion tokens, one completion after the other."""
    if isinstance(batch, SharedPrompts):
        return predicting_hidden(backbone, batch)
    return row_states(backbone, batch)[batch.predicting_mask]


def row_states(backbone: Any, rows: Rows) -> Tensor:
    """[N, T, width]."""
    hidden: Tensor = backbone(**rows.model_inputs(), use_cache=False).last_hidden_state
    return hidden
