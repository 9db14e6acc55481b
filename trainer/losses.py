"""Losses of supervised stages: pure functions on tensors. Sums, not means, where a batch comes in parts."""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor


def ordered_pairs(ranks: Sequence[int]) -> list[tuple[int, int]]:
    """(better, worse) for each untied pair."""
    pairs = [(i, j) if ranks[i] < ranks[j] else (j, i) for i, j in combinations(range(len(ranks)), 2)]
    return [(i, j) for i, j in pairs if ranks[i] != ranks[j]]


def tied_pairs(ranks: Sequence[int]) -> list[tuple[int, int]]:
    return [(i, j) for i, j in combinations(range(len(ranks)), 2) if ranks[i] == ranks[j]]


def ranking_loss(scores: Tensor, ranks: Sequence[int]) -> Tensor:
    """Mean of -log sigma(better - worse) over the untied pairs of one prompt [InstructGPT eq. 1]; ties teach nothing.

    `scores` [K] in fp32. Zero, with zero gradient, where all are tied.
    """
    pairs = ordered_pairs(ranks)
    if not pairs:
        return scores.sum() * 0.0
    better, worse = torch.tensor(pairs, device=scores.device).T
    return -F.logsigmoid(scores[better] - scores[worse]).mean()


def ranking_loss_with_half_ties(scores: Tensor, ranks: Sequence[int]) -> Tensor:
    """As `ranking_loss`, over all pairs of the prompt: a tie counts as half a win for each side."""
    pairs = ordered_pairs(ranks) + tied_pairs(ranks)
    if not pairs:
        return scores.sum() * 0.0
    better, worse = torch.tensor(pairs, device=scores.device).T
    wins = torch.ones(len(pairs), device=scores.device)
    wins[len(pairs) - len(tied_pairs(ranks)) :] = 0.5
    return F.binary_cross_entropy_with_logits(scores[better] - scores[worse], wins)


def pair_wins(scores: Sequence[float], ranks: Sequence[int]) -> tuple[float, int]:
    """(pairs won, untied pairs) of one prompt; equal scores win half."""
    pairs = ordered_pairs(ranks)
    won = sum(0.5 if scores[i] == scores[j] else float(scores[i] > scores[j]) for i, j in pairs)
    return won, len(pairs)


def language_loss(logprobs: Tensor, tokens: int) -> Tensor:
    """Negative log-likelihood per token; `tokens` counts the labels of the whole step, not of this part."""
    return -logprobs.sum() / tokens
