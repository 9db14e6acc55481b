"""The losses of PPO, token by token: `[N, T]` in, `[N, T]` out.

The caller sums them over the real tokens and divides by the tokens of the whole minibatch, so that splitting a
minibatch over several passes does not change the gradient.
"""

import torch
from torch import Tensor

from trainer.advantages import LARGEST_LOG_RATIO


def probability_ratio(logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    return (logprobs - old_logprobs).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO).exp()


def clipped_policy_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The clipped surrogate with its sign turned, to be minimised (Schulman et al. 2017, eq. 7)."""
    ratio = probability_ratio(logprobs, old_logprobs)
    return torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip))


def clipped_value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip: float) -> Tensor:
    """Half the squared error, not below that of the value held within `clip` of the old one.

    Source: the N+ implementation details of RLHF with PPO (Huang et al. 2024), "value clipping".
    """
    held = torch.minimum(torch.maximum(values, old_values - clip), old_values + clip)
    return torch.maximum((values - returns).square(), (held - returns).square()) / 2


def outside_clip(values: Tensor, old_values: Tensor, clip: float) -> Tensor:
    """True where the new value lies further than `clip` from the old one."""
    return (values - old_values).abs() > clip
