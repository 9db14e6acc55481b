"""The win rate if both outputs were equally long, after AlpacaEval 2 [arXiv:2404.04475].

A logistic regression of the outcome on a constant and on tanh of the difference in length over its standard deviation;
the controlled rate is its prediction for no difference. AlpacaEval's term for the difficulty of each instruction needs
many models on the same instructions and is left out. Lengths are in characters; ties count half.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from app.evaluation.clusters import FEWEST_PROMPTS, TWO_SIDED_95

PRIOR_PRECISION = 0.01  # where every verdict goes one way, the coefficients still end
ENOUGH_STEPS = 50
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LengthVerdict:
    """`longer_by`: characters of the policy's output less the baseline's."""

    prompt_id: int
    outcome: float
    longer_by: float


@dataclass(frozen=True)
class ControlledRate:
    """95 % interval, clustered by prompt; `length_effect` above 0: the longer output is liked more."""

    rate: float
    low: float
    high: float
    length_effect: float


def length_controlled(verdicts: Sequence[LengthVerdict]) -> ControlledRate | None:
    """None on fewer than ten prompts, or where all lengths differ alike, so that nothing tells length from quality."""
    prompts = np.array([verdict.prompt_id for verdict in verdicts])
    differences = np.array([verdict.longer_by for verdict in verdicts], dtype=float)
    if len(np.unique(prompts)) < FEWEST_PROMPTS or np.ptp(differences) == 0:
        return None
    outcomes = np.array([verdict.outcome for verdict in verdicts])
    inputs = np.stack([np.ones(len(verdicts)), np.tanh(differences / differences.std())], axis=1)
    found = _fit(inputs, outcomes)
    error = math.sqrt(_variance(inputs, outcomes, found, prompts)[0, 0])
    half = float(stdtrit(len(np.unique(prompts)) - 1, TWO_SIDED_95)) * error
    rate, low, high = (float(expit(found[0] + shift)) for shift in (0, -half, half))
    return ControlledRate(rate, low, high, float(found[1]))


def _fit(inputs: Floats, outcomes: Floats) -> Floats:
    found = np.zeros(inputs.shape[1])
    for _ in range(ENOUGH_STEPS):
        residuals = outcomes - expit(inputs @ found)
        step = np.linalg.solve(_curvature(inputs, found), inputs.T @ residuals - PRIOR_PRECISION * found)
        found = found + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return found


def _curvature(inputs: Floats, found: Floats) -> Floats:
    likely = expit(inputs @ found)
    curvature: Floats = (inputs * (likely * (1 - likely))[:, None]).T @ inputs
    return curvature + PRIOR_PRECISION * np.eye(inputs.shape[1])


def _variance(inputs: Floats, outcomes: Floats, found: Floats, prompts: NDArray[np.int64]) -> Floats:
    """Of the coefficients, by the sandwich of prompts' summed scores (Liang and Zeger, 1986)."""
    scores = inputs * (outcomes - expit(inputs @ found))[:, None]
    names, places = np.unique(prompts, return_inverse=True)
    sums = np.zeros((len(names), inputs.shape[1]))
    np.add.at(sums, places, scores)
    bread = np.linalg.inv(_curvature(inputs, found))
    variance: Floats = bread @ (sums.T @ sums) @ bread * len(names) / (len(names) - 1)
    return variance
