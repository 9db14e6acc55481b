"""Losses of methods that align a policy with rankings and without reinforcement learning: pure functions on tensors.

Each takes the `Likelihoods` of the K completions of one prompt and their ranks (1 is best, ties equal). Where a paper
sums over the pairs or choices of a prompt, the mean stands here, so that K = 4 and K = 9 weigh the same; at K = 2 that
is the paper's formula. Tied completions are never held against each other, and where all are tied, loss and gradient
are 0. Log-probabilities are sums over the tokens of a completion, but per token where the paper has it so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.losses import ordered_pairs


@dataclass(frozen=True)
class Likelihoods:
    """Of the K completions of a prompt, [K] each: log-probabilities in nats, fp32, and how many tokens they have."""

    policy: Tensor
    reference: Tensor
    lengths: Tensor

    @property
    def log_ratios(self) -> Tensor:
        """Policy over reference: what DPO calls the reward, divided by beta."""
        return self.policy - self.reference

    @property
    def per_token(self) -> Tensor:
        return self.policy / self.lengths


def margins(values: Tensor, ranks: Sequence[int]) -> Tensor:
    """[pairs] by how much the better of each untied pair is ahead of the worse."""
    pairs = ordered_pairs(ranks)
    if not pairs:
        return values[:0]
    better, worse = torch.tensor(pairs, device=values.device).T
    return values[better] - values[worse]


def dpo_loss(told: Likelihoods, ranks: Sequence[int], beta: float) -> Tensor:
    """Direct preference optimisation on all untied pairs [Rafailov et al. 2023, eq. 7]."""
    return _mean(-F.logsigmoid(beta * margins(told.log_ratios, ranks)))


def dpo_ranking_loss(told: Likelihoods, ranks: Sequence[int], beta: float) -> Tensor:
    """DPO under the Plackett-Luce model of whole rankings [Rafailov et al. 2023, appendix A.3]."""
    return first_choice_loss(beta * told.log_ratios, ranks)


def ipo_loss(told: Likelihoods, ranks: Sequence[int], tau: float) -> Tensor:
    """Identity preference optimisation: each pair is to be 1 / (2 tau) apart [Azar et al. 2023, eq. 17]."""
    return _mean((margins(told.log_ratios, ranks) - 1 / (2 * tau)).square())


def slic_loss(told: Likelihoods, ranks: Sequence[int], margin: float, best_weight: float) -> Tensor:
    """Calibrated likelihoods, regularised by that of the best completion [SLiC-HF, Zhao et al. 2023, eq. 1]."""
    return _mean(F.relu(margin - margins(told.policy, ranks))) - best_weight * best_of(told.policy, ranks)


def rrhf_loss(told: Likelihoods, ranks: Sequence[int], best_weight: float) -> Tensor:
    """Per token, no worse completion may be likelier than a better one [RRHF, Yuan et al. 2023, eq. 2-4]."""
    return _mean(F.relu(-margins(told.per_token, ranks))) - best_weight * best_of(told.policy, ranks)


def pro_loss(told: Likelihoods, ranks: Sequence[int], best_weight: float) -> Tensor:
    """Preference ranking optimisation: each completion, per token, before all below it [Song et al. 2023, eq. 5-7].

    Without the temperatures of eq. 8, which need scores: a ranking has none.
    """
    return first_choice_loss(told.per_token, ranks) - best_weight * best_of(told.policy, ranks)


def hinge_loss(told: Likelihoods, ranks: Sequence[int], beta: float) -> Tensor:
    """SLiC's hinge on ratios to the reference [`hinge-norm` of RSO, Liu et al. 2023, eq. 9]."""
    return _mean(F.relu(1 - beta * margins(told.log_ratios, ranks)))


def first_choice_loss(values: Tensor, ranks: Sequence[int]) -> Tensor:
    """Mean of -log of the share that each completion has among itself and all ranked below it (Plackett-Luce).

    Tied completions each make that choice, their peers left out of it; the last tier has none to make.
    """
    order = torch.tensor(list(ranks), device=values.device)
    below = order[:, None] < order
    itself = torch.eye(len(order), dtype=torch.bool, device=values.device)
    rivals = values.expand(len(order), -1).masked_fill(~(below | itself), -torch.inf).logsumexp(1)
    return _mean((rivals - values)[below.any(1)])


def best_of(values: Tensor, ranks: Sequence[int]) -> Tensor:
    """Mean over the completions ranked first; 0 where all are, since that prefers nothing."""
    if len(set(ranks)) < 2:
        return values[:0].sum()
    first = min(ranks)
    return values[[place for place, rank in enumerate(ranks) if rank == first]].mean()


def _mean(terms: Tensor) -> Tensor:
    """0, with gradient 0, of none."""
    return terms.sum() / max(1, len(terms))
