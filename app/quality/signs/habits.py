"""Habits that have nothing to do with the outputs: going by the letters, saying the same of all, being too fast."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import factorial, log, prod

import numpy as np

from app.quality.gold.models import SignKind
from app.quality.resampling import Floats
from app.quality.signs.answers import Answers, Given, Ranks
from app.quality.signs.evidence import of_events
from app.quality.signs.findings import PAUSE_FROM, Finding, finding
from app.quality.signs.orders import log_weight, theta_of, tie_sizes

LEANING = 0.7  # agreement with the order of the letters, where somebody goes by that
MORE_OFTEN = (0.4, 0.8)  # how far towards always something happens under the alternatives
FEWEST_TIMES = 30  # answers of others before speed is looked at
COMPARED = 300  # of them
TOO_FAST = -2.5  # robust z
SELDOM = 0.1


def of_position(answers: Answers) -> Finding | None:
    """Letters are drawn by lot for each labeler of each task, so an honest ranking is independent of them: given its
    ties, every way to deal its ranks to the letters is as likely. This holds by design, whatever the outputs are like.

    Alternatives: leaning to the first letters, or to the last; the first, or the last, far too often among the best;
    and dealing out ranks as in the answer before.
    """
    looked_at = [given for given in answers.own if len(set(given.ranks)) > 1]
    if not looked_at:
        return None
    ranks = [given.ranks_as_shown for given in looked_at]
    alternatives = [
        [log_weight(sign * theta_of(LEANING, len(each)), range(len(each)), each) for each in ranks] for sign in (1, -1)
    ]
    alternatives += [[_best_at(place, each) for each in ranks] for place in (0, -1)]
    alternatives += [[0.0, *(_as_before(before, each) for before, each in pairwise(ranks))]]
    observed = float(np.mean([each[0] == 1 for each in ranks]))
    expected = float(np.mean([_best_by_lot(each) for each in ranks]))
    return finding(SignKind.POSITION, looked_at, alternatives, observed, expected, pause_from=PAUSE_FROM)


def _best_by_lot(ranks: Ranks) -> float:
    return ranks.count(1) / len(ranks)


def _best_at(place: int, ranks: Ranks) -> float:
    chance = _best_by_lot(ranks)
    return float(of_events([ranks[place] == 1], chance, (1 + chance) / 2)[0])


def _as_before(before: Ranks, ranks: Ranks) -> float:
    """Half the time the ranks of the answer before, else by lot; of answers with other ties this says nothing."""
    if tie_sizes(before) != tie_sizes(ranks):
        return 0.0
    ways = factorial(len(ranks)) // prod(factorial(size) for size in tie_sizes(ranks))
    return log((1 + ways * (before == ranks)) / 2)


def of_sameness(answers: Answers) -> Finding | None:
    """All outputs tied, or the same number on every scale for all of them, beside how often others do so.

    An honest labeler does it at most twice as often as the others, and a fifth of the time where little is known. Who
    still ranks is only warned of: some do not care for scales.
    """
    looked_at = [given for given in answers.own if len(given.ranks) > 1]
    if not looked_at:
        return None
    same = [_says_the_same(given) for given in looked_at]
    others = [_says_the_same(given) for given in answers.of_others]
    honest = min(0.8, 2 * (sum(others) + 1) / (len(others) + 10))
    tied = sum(len(set(given.ranks)) == 1 for given in looked_at)
    return _too_often(SignKind.SAMENESS, looked_at, same, honest, PAUSE_FROM if 2 * tied > sum(same) else None)


def _says_the_same(given: Given) -> bool:
    if len(set(given.ranks)) == 1:
        return True
    scales = [tuple(sorted(_numbers(ratings).items())) for ratings in given.ratings]
    return bool(scales[0]) and len(set(scales)) == 1


def _numbers(ratings: object) -> dict[str, float]:
    answers = ratings.items() if isinstance(ratings, dict) else ()
    return {name: value for name, value in answers if isinstance(value, (int, float)) and not isinstance(value, bool)}


def of_speed(answers: Answers) -> Finding | None:
    """Far faster than others for outputs of that length: the robust z of the logarithm of active seconds, past a line
    through those of others by the logarithm of characters (Theil and Sen), is below -2.5.

    That happens to an honest labeler at most one time in ten. Speed alone is no fault: this never pauses.
    """
    others = [given for given in answers.of_others if given.seconds][:COMPARED]
    looked_at = [given for given in answers.own if given.seconds]
    if len(others) < FEWEST_TIMES or not looked_at:
        return None
    z = _robust_z(others)(looked_at)
    return _too_often(SignKind.SPEED, looked_at, list(z < TOO_FAST), SELDOM)


def _robust_z(others: Sequence[Given]) -> Callable[[Sequence[Given]], Floats]:
    from scipy.stats import median_abs_deviation, theilslopes  # 60 MB that a web server need not hold

    characters, seconds = _logarithms(others)
    slope = theilslopes(seconds, characters).slope if np.ptp(characters) > 0 else 0.0
    rest = seconds - slope * characters
    middle, spread = np.median(rest), max(float(median_abs_deviation(rest, scale="normal")), 0.2)

    def z(given: Sequence[Given]) -> Floats:
        characters, seconds = _logarithms(given)
        return np.asarray((seconds - slope * characters - middle) / spread)

    return z


def _logarithms(given: Sequence[Given]) -> tuple[Floats, Floats]:
    characters = np.log([each.length + 1.0 for each in given])
    return characters, np.log([max(each.seconds or 0.0, 0.5) for each in given])


def _too_often(
    kind: SignKind, looked_at: Sequence[Given], happened: Sequence[bool], honest: float, pause_from: float | None = None
) -> Finding:
    alternatives = [of_events(happened, honest, honest + (1 - honest) * part).tolist() for part in MORE_OFTEN]
    return finding(kind, looked_at, alternatives, float(np.mean(happened)), honest, pause_from=pause_from)
