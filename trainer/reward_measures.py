"""How well a reward model orders rankings: by cohort and K, how sure it may be, and what it makes of length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.groups import RankedGroup
from trainer.losses import ordered_pairs, pair_wins
from trainer.ratings import Attribute

Scored = tuple[Tensor, RankedGroup]

BINS = 10  # of the probability of the preferred output, from 1/2 to 1


@dataclass(frozen=True)
class Accuracy:
    """Of the untied pairs, how many the scores order rightly; equal scores count half."""

    won: float
    pairs: int

    @property
    def share(self) -> float | None:
        return self.won / self.pairs if self.pairs else None


def counted(scores: Sequence[Tensor], groups: Sequence[RankedGroup]) -> Accuracy:
    results = [pair_wins(row.tolist(), group.ranks) for row, group in zip(scores, groups, strict=True)]
    return Accuracy(sum(won for won, _ in results), sum(pairs for _, pairs in results))


def measures(scores: Sequence[Tensor], groups: Sequence[RankedGroup]) -> dict[str, Any]:
    """For the results and the card. `length_correlation` stands beside that of people's own ranks."""
    scored = list(zip(scores, groups, strict=True))
    lengths = [torch.tensor([float(len(ids)) for ids in group.completion_ids]) for group in groups]
    preferences = [-torch.tensor(group.ranks, dtype=torch.float32) for group in groups]
    return {
        **_told(counted(scores, groups)),
        "by_cohort": _by(scored, lambda group: group.cohort),
        "by_k": _by(scored, lambda group: str(group.k)),
        **calibration(scores, groups),
        "length_correlation": correlation_within(scores, lengths),
        "length_correlation_of_people": correlation_within(preferences, lengths),
    }


def _by(scored: Sequence[Scored], trait: Callable[[RankedGroup], str]) -> dict[str, dict[str, float | int | None]]:
    parts: dict[str, list[Scored]] = {}
    for one in scored:
        parts.setdefault(trait(one[1]), []).append(one)
    return {
        name: _told(counted([scores for scores, _ in members], [group for _, group in members]))
        for name, members in sorted(parts.items())
    }


def calibration(scores: Sequence[Tensor], groups: Sequence[RankedGroup]) -> dict[str, Any]:
    """Untied pairs by the probability sigma(difference) of the output that scores higher: how often people agreed.

    `calibration_error` is the distance of the two, each bin weighing what it holds [ECE, Naeini et al. 2015].
    """
    chances, wins = _favourites(scores, groups)
    places = ((2 * chances - 1) * BINS).long().clamp(max=BINS - 1)
    bins = [_bin(place, chances[places == place], wins[places == place]) for place in places.unique().tolist()]
    apart = sum(one["pairs"] * abs(one["predicted"] - one["observed"]) for one in bins)
    return {"calibration": bins, "calibration_error": round(apart / len(wins), 4) if len(wins) else None}


def _favourites(scores: Sequence[Tensor], groups: Sequence[RankedGroup]) -> tuple[Tensor, Tensor]:
    """[pairs] probability of the output that scores higher, and 1 where it is the better, 0 if not, 1/2 if equal."""
    ahead = [torch.zeros(0, dtype=torch.float64)]
    for row, group in zip(scores, groups, strict=True):
        pairs = torch.tensor(ordered_pairs(group.ranks), dtype=torch.long).view(-1, 2)
        better, worse = row.cpu().double()[pairs].unbind(1)
        ahead.append(better - worse)
    leads = torch.cat(ahead)
    return leads.abs().sigmoid(), (leads.sign() + 1) / 2


def _bin(place: int, chances: Tensor, wins: Tensor) -> dict[str, float | int]:
    return {
        "from": round(0.5 + place / BINS / 2, 4),
        "to": round(0.5 + (place + 1) / BINS / 2, 4),
        "pairs": len(wins),
        "predicted": round(float(chances.mean()), 4),
        "observed": round(float(wins.mean()), 4),
    }


def _told(accuracy: Accuracy) -> dict[str, float | int | None]:
    share = accuracy.share
    return {**vars(accuracy), "accuracy": None if share is None else round(share, 4)}


def correlation_within(values: Sequence[Tensor], others: Sequence[Tensor]) -> float | None:
    """Pearson's, of what is above or below the mean of its prompt; None where either never differs."""
    if not values:
        return None
    return correlation(*(torch.cat([row.cpu() - row.cpu().mean() for row in rows]) for rows in (values, others)))


def correlation(one: Tensor, other: Tensor) -> float | None:
    """Pearson's."""
    if not len(one):
        return None
    one, other = (values.double() - values.double().mean() for values in (one, other))
    size = float(one.norm() * other.norm())
    return round(float(one @ other) / size, 4) if size > 1e-9 else None


def measures_of_ratings(outputs: Tensor, wanted: Tensor, attributes: Sequence[Attribute]) -> dict[str, Any]:
    """By attribute: how many were rated; of flags the area under the ROC curve, of numbers Pearson's correlation."""
    found: dict[str, Any] = {}
    for place, one in enumerate(attributes):
        rated = ~wanted[:, place].isnan()
        said, meant = outputs[rated, place], wanted[rated, place]
        name, measure = ("auc", area_under_curve) if one.kind == "flag" else ("correlation", correlation)
        found[one.name] = {"rated": len(said), name: measure(said, meant)}
    return found


def area_under_curve(scores: Tensor, flags: Tensor) -> float | None:
    """Chance that a flagged output has the higher score than one that is not, equal scores counting half."""
    flagged, others = scores[flags == 1], scores[flags == 0].sort().values
    if not len(flagged) or not len(others):
        return None
    below = torch.searchsorted(others, flagged) + torch.searchsorted(others, flagged, right=True)
    return round(float(below.double().mean()) / 2 / len(others), 4)
