"""How surely a copier is noticed within fifty answers: simulations of the claims of a campaign, without a database.

K = 5, an overlap of 3, known answers at 10 %, five good labelers as noisy as people (`tests.pretenders`), one of whom
lets the copier see what was answered.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from app.accounts.models import User
from app.quality.signs.answers import Answers, Given
from app.quality.signs.copying import of_copying
from app.tasks.models import Purpose
from tests.pretenders import ANSWERS, OUTPUTS, Scene, Seen, copied, honest

OVERLAP, GOLD_RATE = 3, 0.1
SOURCE, COPIER, LABELERS = 0, 5, range(6)
SIMULATIONS = 20
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def simulate(seed: int) -> dict[int, list[Given]]:
    """By task what was said of it; everybody takes the first task of the campaign's order that still wants answers."""
    chance, nothing = Random(seed), Any
    tasks = range(len(LABELERS) * ANSWERS // OVERLAP)
    quality = {output: chance.gauss(0, 1) for output in range(len(tasks) * OUTPUTS)}
    scene = Scene(nothing, nothing, chance, quality, source=User(id=SOURCE))  # type: ignore[arg-type]
    said: dict[int, list[Given]] = defaultdict(list)
    for place in range(ANSWERS):
        for labeler in chance.sample(LABELERS, len(LABELERS)):
            if chance.random() < GOLD_RATE:
                continue  # nobody shares known answers
            open_to = (task for task in tasks if len(said[task]) < OVERLAP)
            task = next((each for each in open_to if labeler not in {given.labeler for given in said[each]}), None)
            if task is not None:
                said[task].append(
                    answered(scene, task, labeler, BEGUN + timedelta(minutes=place, seconds=len(said[task])))
                )
    return said


def answered(scene: Scene, task: int, labeler: int, at: datetime) -> Given:
    outputs = range(task * OUTPUTS, (task + 1) * OUTPUTS)
    shown = scene.chance.sample(outputs, OUTPUTS)
    seen: Seen = (copied if labeler == COPIER else honest)(scene, task, shown)
    scene.said[labeler, task] = seen
    ranks = tuple(seen.ranks[output] for output in outputs)
    ratings = tuple({"overall": seen.ratings[output]} for output in outputs)
    return Given(0, task, labeler, Purpose.REAL, at, 60.0, 500, tuple(shown), tuple(outputs), ranks, ratings)


def is_noticed(said: dict[int, list[Given]], labeler: int) -> bool:
    own = sorted(
        (each for given in said.values() for each in given if each.labeler == labeler), key=lambda each: each.at
    )
    others = {each.task: [given for given in said[each.task] if given.labeler != labeler] for each in own}
    found = of_copying(Answers(labeler, own, others, {}, {}))
    return found is not None and found.level is not None


def test_a_copier_is_noticed_in_nine_of_ten_simulations_and_a_good_labeler_in_none_of_twenty() -> None:
    simulations = [simulate(seed) for seed in range(SIMULATIONS)]
    assert sum(is_noticed(said, COPIER) for said in simulations) >= 0.9 * SIMULATIONS
    good = [is_noticed(said, labeler) for said in simulations for labeler in LABELERS if labeler != COPIER]
    assert sum(good) <= len(good) / 20
