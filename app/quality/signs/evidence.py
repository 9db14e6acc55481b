"""Evidence that may be looked at after every answer: test martingales, on numpy arrays.

Each answer has a factor: how much likelier it is of a labeler whom the sign is about than of an honest one, with a mean
of at most 1 where the labeler is honest. The product of factors then exceeds 1 / alpha at any time at all with a
probability of at most alpha (Ville 1939; Ramdas, Grunwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe
anytime-valid inference"). Everything here is in natural logarithms.
"""

from collections.abc import Sequence
from math import log

import numpy as np

from app.quality.resampling import Floats


def evidence(alternatives: Sequence[Floats]) -> Floats:
    """After each of T answers, of the same labeler under several alternatives [T], each being as likely at first: [T].

    A labeler may change: of each alternative the evidence since every start k is mixed with the weight 1 / (k (k + 1)),
    so that only log(k (k + 1)) is lost where it began to hold at the k-th answer (mixtures of starts: Shin, Ramdas and
    Rinaldo 2023, "E-detectors", section 2).
    """
    mixed = [_since_any_start(np.asarray(factors, dtype=np.float64)) for factors in alternatives]
    return np.asarray(np.logaddexp.reduce(np.stack(mixed), axis=0) - np.log(len(mixed)))


def _since_any_start(factors: Floats) -> Floats:
    """[T]: at each time the starts so far with their products, and those to come, which are 1."""
    found: Floats = np.empty(len(factors))
    running = -np.inf
    for place, factor in enumerate(factors):
        start = place + 1
        running = np.logaddexp(running, -np.log(start * (start + 1))) + factor
        found[place] = np.logaddexp(running, -np.log(start + 1))
    return found


def of_events(happened: Sequence[bool], honest: float, otherwise: float) -> Floats:
    """Factors [T] of something that happens to an honest labeler with a probability of at most `honest`.

    `otherwise` > `honest` is its probability under the alternative, so the mean is largest at `honest`, where it is 1.
    """
    yes, no = log(otherwise / honest), log((1 - otherwise) / (1 - honest))
    return np.array([yes if each else no for each in happened], dtype=np.float64)


def mean_factor(factors: Sequence[float]) -> float:
    """The mean of factors of the same answer, such as one for every other labeler of the task, is a factor again."""
    return float(np.logaddexp.reduce(factors) - np.log(len(factors)))


def in_decimals(logarithm: float) -> float:
    return float(logarithm / np.log(10))
