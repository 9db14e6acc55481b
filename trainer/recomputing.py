"""Layers that run again in the backward pass instead of keeping what they computed (gradient checkpointing).

A layer must meet the second time what it met the first: `arranged` notes how the model was set up for a pass (whose
attention, which tokens), and the layers of that pass run again under the same arrangement.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from trainer.distributed import decoder_layers

Arrangement = Callable[[], AbstractContextManager[None]]

_arrangement: ContextVar[Arrangement] = ContextVar("arrangement", default=nullcontext)


@contextmanager
def arranged(arrangement: Arrangement) -> Iterator[None]:
    """Under `arrangement` now, and again whenever a layer that ran here runs once more."""
    before = _arrangement.set(arrangement)
    try:
        with arrangement():
            yield
    finally:
        _arrangement.reset(before)


def recompute_layers(model: nn.Module) -> None:
    """Whatever mode the model is in: policies of PPO learn in evaluation mode, without dropout."""
    for layer in decoder_layers(model):
        layer.forward = _recomputed(layer.forward)


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*arguments, **options)
        return checkpoint(forward, *arguments, use_reentrant=False, context_fn=_both_times, **options)

    return run


def _both_times() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Of the first run, which stands in its arrangement already, and of the second."""
    return nullcontext(), _arrangement.get()()
