"""What is played."""

import pytest

from app.demo.playing import Script
from app.demo.scripts import HELD_OUT_OF_SEVERAL, STEPS_OF_SEVERAL, own_script
from app.runs.models import Stage
from trainer.presets import PRESETS


@pytest.fixture(scope="module")
def one() -> Script:
    return own_script(1)


@pytest.fixture(scope="module")
def three() -> Script:
    return own_script(1, rounds=3)


def test_one_round_takes_the_steps_of_the_preset_and_several_take_fewer_each(one: Script, three: Script) -> None:
    assert one.plan.settings[Stage.PPO]["steps"] == PRESETS["tiny-cpu"]["ppo"]["steps"]
    assert three.plan.settings[Stage.PPO] == {**one.plan.settings[Stage.PPO], "steps": STEPS_OF_SEVERAL}
    assert three.plan.model_copy(update={"settings": one.plan.settings}) == one.plan


def test_several_rounds_learn_from_as_many_places_and_are_compared_on_more(one: Script, three: Script) -> None:
    sizes = [(len(each.corpus.train), len(each.corpus.validation)) for each in (one, three)]
    assert sizes[0] == sizes[1]
    assert len(three.corpus.held_out) == HELD_OUT_OF_SEVERAL > len(one.corpus.held_out)
