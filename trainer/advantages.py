"""What each sampled token earned: rewards less the KL penalty, advantages, whitening.

Tensors are `[N, T]` over completions; `response_mask` is True on sampled tokens, which lie side by side in a row.
Whatever stands outside the mask is never read.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

KlEstimator = Literal["k1", "k2", "k3"]

# exp of a log-ratio beyond this is a number that no mean survives
LARGEST_LOG_RATIO = 20.0


class Advantages(NamedTuple):
    advantages: Tensor  # [N, T]
    returns: Tensor  # [N, T], what the value model should have said


def generalized_advantages(
    rewards: Tensor, values: Tensor, response_mask: Tensor, discount: float, trace_decay: float
) -> Advantages:
    """Generalized advantage estimation (Schulman et al. 2016, eq. 16); an episode is worth 0 after its last token."""
    values = values.masked_fill(~response_mask, 0.0)
    following = torch.nn.functional.pad(values[:, 1:], (0, 1))
    surprise = (rewards + discount * following - values).masked_fill(~response_mask, 0.0)
    advantages = torch.zeros_like(values)
    running = values.new_zeros(len(values))
    for step in reversed(range(values.shape[1])):
        running = surprise[:, step] + discount * trace_decay * running
        advantages[:, step] = running
    advantages = advantages.masked_fill(~response_mask, 0.0)
    return Advantages(advantages, advantages + values)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the True places; 0 where there is none."""
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)


def whiten(values: Tensor, response_mask: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the real tokens, 0 elsewhere (a lone token becomes 0)."""
    centred = (values - masked_mean(values, response_mask)).masked_fill(~response_mask, 0.0)
    return centred * torch.rsqrt(masked_mean(centred.square(), response_mask) + 1e-8)


def last_token_mask(response_mask: Tensor) -> Tensor:
    """True on the last real token of each row, nowhere in an empty one."""
    still_to_come = response_mask.flip(1).cumsum(1).flip(1)
    return response_mask & (still_to_come == 1)


def penalised_rewards(scores: Tensor, kl: Tensor, response_mask: Tensor, coefficient: float) -> Tensor:
    """`[N, T]`: minus `coefficient` x KL on every token, the score `[N]` on the last one (InstructGPT eq. 2).

    An empty completion has no token to be rewarded on and earns nothing.
    """
    rewards = (-coefficient * kl).masked_fill(~response_mask, 0.0)
    return rewards + last_token_mask(response_mask) * scores[:, None]


def kl_estimate(logprobs: Tensor, reference_logprobs: Tensor, estimator: KlEstimator) -> Tensor:
    """KL(policy || reference) of each sampled token, estimated as k1, k2 or k3 (Schulman 2020, "Approximating KL").

    k1 and k3 have the exact KL as their mean, k2 nearly; k2 and k3 are never negative. The mean of k1 is what
    InstructGPT penalises.
    """
    ratio = (logprobs - reference_logprobs).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    match estimator:
        case "k1":
            return ratio
        case "k2":
            return ratio.square() / 2
        case "k3":
            return torch.expm1(-ratio) + ratio


def adapted_coefficient(coefficient: float, observed: float, target: float, horizon: int, episodes: int) -> float:
    """The next KL coefficient, moved towards a target KL per episode (Ziegler et al. 2019, section 2.2)."""
    error = min(max(observed / target - 1, -0.2), 0.2)
    return coefficient * (1 + error * episodes / horizon)


def explained_variance(values: Tensor, returns: Tensor, response_mask: Tensor) -> float:
    """1 where the value model foresees every return, 0 where a constant would do as well, below 0 where it misleads."""
    actual, missed = returns[response_mask], (returns - values)[response_mask]
    if actual.numel() < 2 or actual.var(correction=0) == 0:
        return 0.0
    return float(1 - missed.var(correction=0) / actual.var(correction=0))
