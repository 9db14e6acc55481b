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


def ranking_loss(scores: Tensor, ranks: Sequence[int], margin: float = 0.0) -> Tensor:
    """Mean of -log sigma(better - worse) over the untied pairs of one prompt [InstructGPT eq. 1]; ties teach nothing.

    `scores` [K] in fp32. Zero, with zero gradient, where all are tied. `margin` is taken from each difference as far as
    the two are apart (`rank_gaps`), like Llama 2's margin by strength of preference [Touvron et al. 2023, eq. 2].
    """
    pairs = ordered_pairs(ranks)
    if not pairs:
        return scores.sum() * 0.0
    return -F.logsigmoid(differences(scores, ranks, pairs, margin)).mean()


def ranking_loss_with_half_ties(scores: Tensor, ranks: Sequence[int], margin: float = 0.0) -> Tensor:
    """As `ranking_loss`, over all pairs of the prompt: a tie counts as half a win for each side."""
    pairs = ordered_pairs(ranks) + tied_pairs(ranks)
    if not pairs:
        return scores.sum() * 0.0
    wins = torch.ones_like(scores[:1]).repeat(len(pairs))
    wins[len(pairs) - len(tied_pairs(ranks)) :] = 0.5
    return F.binary_cross_entropy_with_logits(differences(scores, ranks, pairs, margin), wins)


def davidson_loss(scores: Tensor, ranks: Sequence[int], log_tie_strength: Tensor) -> Tensor:
    """Mean of -log P(what was said) over all pairs of one prompt, where a tie is an outcome of its own.

    P(i before j) : P(tie) : P(j before i) = exp(d / 2) : nu : exp(-d / 2), d = s_i - s_j [Davidson 1970, eq. 2.5]. The
    tie strength nu belongs to the people who rank; near 0 this is `ranking_loss` of rankings without ties.
    """
    better = ordered_pairs(ranks)
    pairs = better + tied_pairs(ranks)
    if not pairs:
        return scores.sum() * 0.0
    half = differences(scores, ranks, pairs) / 2
    tie = log_tie_strength.expand_as(half)
    total = torch.stack([half, -half, tie]).logsumexp(0)
    return (total - torch.cat([half[: len(better)], tie[len(better) :]])).mean()


def differences(scores: Tensor, ranks: Sequence[int], pairs: Sequence[tuple[int, int]], margin: float = 0.0) -> Tensor:
    """[pairs] first score less second, less the margin that their ranks ask for."""
    first, second = torch.tensor(pairs, device=scores.device).T
    asked = margin * torch.tensor(rank_gaps(ranks, pairs), device=scores.device) if margin else 0.0
    return scores[first] - scores[second] - asked


def rank_gaps(ranks: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[float]:
    """How far apart two are, as a share of the way from the best rank to the worst; 0 for a tie."""
    levels = {rank: place for place, rank in enumerate(sorted(set(ranks)))}
    return [(levels[ranks[second]] - levels[ranks[first]]) / max(1, len(levels) - 1) for first, second in pairs]


def tie_strength_of(rankings: Sequence[Sequence[int]]) -> float:
    """Davidson's nu under which outputs of equal score are tied as often as in these rankings; half a pair for luck."""
    ties = sum(len(tied_pairs(ranks)) for ranks in rankings)
    pairs = sum(len(ranks) * (len(ranks) - 1) // 2 for ranks in rankings)
    share = (ties + 0.5) / (pairs + 1)
    return 2 * share / (1 - share)


def pair_wins(scores: Sequence[float], ranks: Sequence[int]) -> tuple[float, int]:
    """(pairs won, untied pairs) of one prompt; equal scores win half."""
    pairs = ordered_pairs(ranks)
    won = sum(0.5 if scores[i] == scores[j] else float(scores[i] > scores[j]) for i, j in pairs)
    return won, len(pairs)


def language_loss(logprobs: Tensor, tokens: int) -> Tensor:
    """Negative log-likelihood per token; `tokens` counts the labels of the whole step, not of this part."""
    return -logprobs.sum() / tokens
