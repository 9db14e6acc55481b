"""What can be played: the demo's own corpus, or people's demonstrations from the E2E data."""

from pathlib import Path

from app.demo.playing import Script
from app.errors import InvalidInput
from app.rounds.plan import RoundPlan, SamplingPlan
from app.runs.models import Stage
from app.simulation.corpus import Corpus, from_written, make_corpus
from app.simulation.e2e import read_e2e
from trainer.presets import PRESETS

STAGES = (Stage.PRETRAIN, Stage.SFT, Stage.REWARD, Stage.PPO, Stage.SAMPLE)


def own_script(seed: int) -> Script:
    return _script(make_corpus(seed), seed, rankings=2)


def e2e_script(folder: Path, seed: int) -> Script:
    """Raises `InvalidInput` where the folder does not hold the E2E data."""
    try:
        written = read_e2e(folder)
    except (OSError, ValueError) as error:
        raise InvalidInput(reason=str(error)) from error
    return _script(from_written(written, seed), seed, rankings=5)


def _script(corpus: Corpus, seed: int, rankings: int) -> Script:
    return Script(corpus, round_plan(seed, rankings), seed)


def round_plan(seed: int, rankings: int) -> RoundPlan:
    """A full round with the preset for small models on a CPU, each prompt ranked so often, by new samples each time.

    Its reward model learns from the rankings of all rounds so far.
    """
    preset = PRESETS["tiny-cpu"]
    return RoundPlan(
        people="both",
        rankings="both",
        settings={stage: {**preset.get(stage.value, {}), "seed": seed} for stage in STAGES},
        candidates=SamplingPlan(k_min=4, k_max=9, rankings=rankings),
        samples=SamplingPlan(prompts=60, k_min=4, k_max=6),
    )
