"""Who works badly is noticed within 50 answers, and who works well is not: simulations on the real tables.

One of each kind here; `python -m tests.benchmarks.bad_labelers` runs many.
"""

from itertools import combinations
from random import Random
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.pretenders import ANSWERS, BAD, OUTPUTS, Scene, honest, simulate

EXPECTED = {
    "random": ("others", "warning"),
    "straight_liner": ("sameness", "pause"),
    "first_is_best": ("position", "pause"),
    "copier": ("copying", "warning"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_labeler_is_noticed_within_fifty_answers_and_good_ones_are_not(session: Session, kind: str) -> None:
    assert ANSWERS == 50
    bad, good = simulate(session, 11, kind, honest_labelers=3)
    sign, level = EXPECTED[kind]
    assert bad.get(sign) == level
    assert good == [{}, {}, {}]


def test_good_ones_are_as_noisy_as_people() -> None:
    """The agreement of training labelers in InstructGPT is 72.6 ± 1.5 %, ties left out."""
    chance = Random(5)
    nothing: Any = None
    scene = Scene(nothing, nothing, chance, {})
    alike = strict = 0
    for _ in range(3000):
        scene.quality = {number: chance.gauss(0, 1) for number in range(OUTPUTS)}
        one, other = (honest(scene, 0, range(OUTPUTS)).ranks for _ in range(2))
        orders = [(one[i] - one[j]) * (other[i] - other[j]) for i, j in combinations(range(OUTPUTS), 2)]
        strict += sum(order != 0 for order in orders)
        alike += sum(order > 0 for order in orders)
    assert alike / strict == pytest.approx(0.73, abs=0.01)
