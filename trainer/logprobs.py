"""Log-probabilities of completions. The vocabulary is computed only where a completion token is predicted."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.errors import TrainerError
from trainer.layout import Rows

# Architectures whose logits are the output embedding of the last hidden state, unscaled and uncapped.
PLAIN_HEADS = {"llama", "qwen2", "qwen3", "mistral", "gpt_neox", "gpt2"}


def completion_logits(policy: Any, rows: Rows) -> Tensor:
    """[M, V] logits that predict the M completion tokens of all rows, row by row."""
    predicting = rows.predicting_mask
    if policy.config.model_type not in PLAIN_HEADS:
        logits: Tensor = policy(**rows.model_inputs(), use_cache=False).logits[predicting]
        return logits
    hidden = policy.base_model(**rows.model_inputs(), use_cache=False).last_hidden_state
    head = policy.get_output_embeddings()
    if head is None:
        raise TrainerError(f"A model of type {policy.config.model_type} has no output embedding.")
    picked: Tensor = head(hidden[predicting])
    return picked


def packed_logprobs(policy: Any, rows: Rows, temperature: float = 1.0) -> Tensor:
    """[M] log-probabilities of the M completion tokens of all rows, row by row, in fp32."""
    logits = completion_logits(policy, rows).float() / temperature
    targets = rows.input_ids[rows.completion_mask]
    return -F.cross_entropy(logits, targets, reduction="none")


def completion_logprobs(policy: Any, rows: Rows, temperature: float = 1.0) -> Tensor:
    """[N, R] log-probability of each completion token; 0 outside `rows.response_mask`."""
    mask = rows.response_mask
    spread = torch.zeros(mask.shape, device=mask.device)
    return spread.masked_scatter(mask, packed_logprobs(policy, rows, temperature))
