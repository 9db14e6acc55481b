"""Log-probabilities of completions. The vocabulary is computed only where a completion token is predicted.

`at_once` tokens of M have their logits in memory at a time (0: all); the backward pass computes them again. No tensor
of all tokens and the whole vocabulary exists then, at the price of one more product with the output embedding.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from trainer.distributed import through
from trainer.errors import TrainerError
from trainer.hidden_states import predicting_states
from trainer.layout import Rows, spread
from trainer.shared_prompt import SharedPrompts

# Architectures whose logits are the output embedding of the last hidden state, unscaled and uncapped.
PLAIN_HEADS = {"llama", "qwen2", "qwen3", "mistral", "gpt_neox", "gpt2"}

Measure = Callable[[Tensor, Tensor], Tensor]  # of logits [M, V] and the tokens that came [M]: [M, ...]


def packed_logprobs(policy: Any, batch: Rows | SharedPrompts, temperature: float = 1.0, at_once: int = 0) -> Tensor:
    """[M] log-probabilities of the M completion tokens, one completion after the other, in fp32."""
    return through(policy, measured, batch, temperature, at_once, chosen_logprobs)


def completion_logprobs(policy: Any, batch: Rows | SharedPrompts, temperature: float = 1.0, at_once: int = 0) -> Tensor:
    """[N, R] log-probability of each completion token; 0 outside `batch.response_mask`."""
    return spread(packed_logprobs(policy, batch, temperature, at_once), batch.response_mask)


def logprobs_and_entropy(
    policy: Any, batch: Rows | SharedPrompts, temperature: float = 1.0, at_once: int = 0
) -> tuple[Tensor, Tensor]:
    """[N, R] log-probability of each completion token, and the entropy in nats of what it was drawn from."""
    both = through(policy, measured, batch, temperature, at_once, chosen_logprobs_and_entropy)
    logprobs, entropy = both.unbind(1)
    return spread(logprobs, batch.response_mask), spread(entropy, batch.response_mask)


def chosen_logprobs(logits: Tensor, targets: Tensor) -> Tensor:
    return -F.cross_entropy(logits, targets, reduction="none")


def chosen_logprobs_and_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """[M, 2]."""
    everything = torch.log_softmax(logits, dim=-1)
    entropy = -(everything.exp() * everything).sum(-1)
    return torch.stack([everything.gather(1, targets[:, None])[:, 0], entropy], dim=1)


def measured(policy: Any, batch: Rows | SharedPrompts, temperature: float, at_once: int, measure: Measure) -> Tensor:
    """[M, ...] of fp32 logits over the temperature."""
    if policy.config.model_type not in PLAIN_HEADS:
        rows = cast("Rows", batch)  # only the families of `shared_attention`, whose heads are plain, share prompts
        logits = policy(**rows.model_inputs(), use_cache=False).logits[rows.predicting_mask]
        return measure(_cooled(logits, temperature), batch.targets)
    head = policy.get_output_embeddings()
    if head is None:
        raise TrainerError(f"A model of type {policy.config.model_type} has no output embedding.")

    def read(states: Tensor, targets: Tensor) -> Tensor:
        return measure(_cooled(head(states), temperature), targets)

    states, targets = predicting_states(policy.base_model, batch), batch.targets
    if not 0 < at_once < len(targets):
        return read(states, targets)
    parts = zip(states.split(at_once), targets.split(at_once), strict=True)
    return torch.cat([checkpoint(read, *part, use_reentrant=False, preserve_rng_state=False) for part in parts])


def _cooled(logits: Tensor, temperature: float) -> Tensor:
    return logits.float() if temperature == 1 else logits.float() / temperature
