"""What can be played: the demo's own corpus, or people's demonstrations from the E2E data."""

from pathlib import Path

from app.demo.playing import Script
from app.errors import InvalidInput
from app.rounds.plan import RoundPlan, SamplingPlan
from app.runs.models import Stage
from app.simulation.corpus import from_written, make_corpus
from app.simulation.e2e import read_e2e
from trainer.presets import PRESETS

STAGES = (Stage.PRETRAIN, Stage.SFT, Stage.REWARD, Stage.PPO, Stage.SAMPLE)


STEPS_OF_SEVERAL = 15
"""Of PPO in each of several rounds: where one goes as far as its reward model is good for, the next shows little."""
PLACES_OF_SEVERAL, HELD_OUT_OF_SEVERAL = 1350, 400
"""As many places to learn from as in one round, and more to compare on: rounds differ by less than a policy and SFT."""


def own_script(seed: int, rounds: int = 1) -> Script:
    corpus = make_corpus(seed)
    if rounds > 1:
        corpus = make_corpus(seed, places=PLACES_OF_SEVERAL, held_out=HELD_OUT_OF_SEVERAL)
    return Script(corpus, round_plan(seed, rankings=2, rounds=rounds), seed)


def e2e_script(folder: Path, seed: int, rounds: int = 1) -> Script:
    """Raises `InvalidInput` where the folder does not hold the E2E data."""
    try:
        written = read_e2e(folder)
    except (OSError, ValueError) as error:
        raise InvalidInput(reason=str(error)) from error
    return Script(from_written(written, seed), round_plan(seed, rankings=5, rounds=rounds), seed)


def round_plan(seed: int, rankings: int, rounds: int = 1) -> RoundPlan:
    """A full round with the preset for small models on a CPU, each prompt ranked so often, by new samples each time.

    Its reward model learns from the rankings of all rounds so far.
    """
    preset = {stage: {**values, "seed": seed} for stage, values in PRESETS["tiny-cpu"].items()}
    if rounds > 1:
        preset["ppo"]["steps"] = STEPS_OF_SEVERAL
    return RoundPlan(
        people="both",
        rankings="both",
        settings={stage: preset[stage.value] for stage in STAGES},
        candidates=SamplingPlan(k_min=4, k_max=9, rankings=rankings),
        samples=SamplingPlan(prompts=60, k_min=4, k_max=6),
    )
