"""Agreement on which of two outputs is better, by stated rules for ties: pure, on numpy arrays.

An item is a pair of outputs in one task; its counts [N, 3] say how many labelers put the first before the second,
tied them, or put the second before the first. Where a tie is a label like the others, this is `RAW_AGREEMENT`.
"""

import numpy as np

from app.quality.agreement.coefficients import Coefficient, Figure, Undefined, beyond_chance, figure_of, share
from app.quality.resampling import DRAWS, Floats, Integers

FIRST, TIE, SECOND = range(3)
VERDICTS = 3


def verdicts(ranks: Integers) -> Integers:
    """Of rankings [A, K], each pair i < j of outputs: [A, K (K - 1) / 2] of FIRST, TIE, SECOND. Rank 1 is best."""
    one, other = np.triu_indices(ranks.shape[1], k=1)
    return np.asarray(np.sign(ranks[:, one] - ranks[:, other]) + TIE, dtype=np.int64)


def _pairs(count: Floats) -> Floats:
    return count * (count - 1) / 2


def _strict_pairs(counts: Floats) -> Floats:
    """[N]: pairs of labelers who both put the two outputs in an order."""
    return _pairs(counts[:, FIRST] + counts[:, SECOND])


def _strict(counts: Floats) -> Floats:
    alike = _pairs(counts[:, FIRST]) + _pairs(counts[:, SECOND])
    return np.stack([alike, _strict_pairs(counts)], axis=1)


def _half(counts: Floats) -> Floats:
    half = counts[:, TIE] * (counts[:, FIRST] + counts[:, SECOND]) / 2
    return np.stack([_pairs(counts).sum(axis=1) + half, _pairs(counts.sum(axis=1))], axis=1)


def _ratio(sums: Floats) -> Floats:
    return share(sums[..., 0], sums[..., 1])


# Only pairs of outputs that both labelers put in an order; a tie of either leaves the pair out (InstructGPT, 3.4).
STRICT_AGREEMENT = Coefficient(_strict, _ratio, Undefined.ALL_TIED, _strict_pairs)
# A tie against an order is half an agreement; two ties are one.
HALF_TIES_AGREEMENT = Coefficient(_half, _ratio)


def tau_b(orders: Integers) -> Floats:
    """Kendall's tau-b of every two of the rankings whose verdicts [A, P] are given: [A (A - 1) / 2].

    Not a number where one of the two ties everything.
    """
    signs = (orders - TIE).astype(np.float64)
    untied = np.sqrt((signs**2).sum(axis=1))
    one, other = np.triu_indices(len(orders), k=1)
    return share((signs @ signs.T)[one, other], (untied[:, None] * untied[None, :])[one, other])


def mean_tau(taus: Floats, clusters: Integers, *, draws: int = DRAWS) -> Figure:
    """Of `taus` [M], one for every two rankings of a task; undefined ones are left out of the mean."""
    defined = np.isfinite(taus)
    features = np.column_stack([np.where(defined, taus, 0.0), defined])
    return figure_of(features, clusters, _ratio, int(defined.sum()), np.ones(len(taus), dtype=bool), draws)


def _wmt(counts: Floats) -> Floats:
    return np.column_stack([_pairs(counts).sum(axis=1), _pairs(counts.sum(axis=1)), counts[:, TIE], counts.sum(axis=1)])


def _wmt_chance(sums: Floats) -> Floats:
    ties = share(sums[..., 2], sums[..., 3])
    return ties**2 + (1 - ties) ** 2 / 2


def _wmt_kappa(sums: Floats) -> Floats:
    return beyond_chance(share(sums[..., 0], sums[..., 1]), _wmt_chance(sums))


# The kappa of the WMT campaigns (Bojar et al. 2016, 3.3): an item is a segment with two outputs in the order shown, all
# judgements of it are paired, a judge's own too, and chance is p(tie)^2 + (1 - p(tie))^2 / 2 over all judgements.
WMT_KAPPA = Coefficient(_wmt, _wmt_kappa)


def wmt_chance(counts: Floats) -> float:
    return float(_wmt_chance(_wmt(counts).sum(axis=0)))
