"""What a round is to do, decided before it starts and kept with it."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.datasets.filtering import Days
from app.runs.models import Stage
from app.runs.needs import Needs, needs_of
from app.translation import gettext

People = Literal["people", "simulated", "both"]
Aim = Literal["ppo", "align", "sft", "reward", "samples"]
DRAWING = ("rso", "expert_iteration")  # methods of `align` that need prompts and a reward model


class SamplingPlan(BaseModel):
    """Which prompts are answered, and how often each.

    `choose`: at random, or only `fresh` ones, whose outputs nobody was asked to judge yet.
    `more_temperatures`: besides `temperature`; each of them has an equal share of a prompt's outputs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: int | None = Field(default=None, ge=1, description="At most so many prompts; without it all.")
    choose: Literal["random", "fresh"] = "random"
    k_min: int = Field(default=4, ge=2, le=9)
    k_max: int = Field(default=9, ge=2, le=9)
    rankings: int = Field(default=1, ge=1, le=9, description="Rankings per prompt, each of K outputs of its own.")
    temperature: float = Field(default=1.0, gt=0, le=5)
    more_temperatures: tuple[Annotated[float, Field(gt=0, le=5)], ...] = Field(default=(), max_length=8)

    @property
    def temperatures(self) -> list[float]:
        """Each once."""
        return list(dict.fromkeys([self.temperature, *self.more_temperatures]))

    @model_validator(mode="after")
    def k_in_order(self) -> Self:
        if self.k_min > self.k_max:
            raise ValueError(gettext("The smallest K must not exceed the largest."))
        return self


class DataPlan(Days):
    """Which annotations are learned from: of these campaigns (None: of all), on these days (UTC)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    campaigns: tuple[int, ...] | None = None


class NeedsPlan(BaseModel):
    """What the runs of a stage ask of their worker: see `app.runs.needs.Needs`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gpu: bool = False
    memory: int | None = Field(default=None, ge=1, description="MiB, of the GPU where one is asked for.")
    label: str | None = Field(default=None, min_length=1, max_length=100)


class RoundPlan(BaseModel):
    """A full round when all defaults are taken: from nothing to a policy and its samples as tasks.

    `aim`: what it makes: a policy by `ppo` or, without reinforcement learning, by `align`; an `sft` model alone; a
    `reward` model alone; or only `samples` of the starting policy, as tasks.
    `start`: where the policy comes from: `pretrain` (a small model from nothing), `sft` (fine-tune `checkpoint_id`),
    or `checkpoint` (go on from `checkpoint_id`, an SFT model or policy of an earlier round).
    `rankings`: `collect` samples of the starting policy and wait until they are ranked, take the `existing` ones that
    `comparisons` chooses, or learn from `both`.
    `preset`: where the settings came from; they are whole without it.
    `needs`: by stage, what its runs ask of their worker; any worker takes the others.
    `others`: checkpoints whose samples are mixed with those of the new policy; `candidate_others`: with those of the
    starting policy, in the rankings that are collected.
    `against_first_sft`: whoever compares the new policy with the earlier one sees the first SFT model's output, too.
    `approval`: samples become tasks only after somebody has looked at them and approved.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    aim: Aim = "ppo"
    start: Literal["pretrain", "sft", "checkpoint"] = "pretrain"
    checkpoint_id: int | None = None
    rankings: Literal["collect", "existing", "both"] = "collect"
    people: People = "people"
    demonstrations: DataPlan = DataPlan()
    comparisons: DataPlan = DataPlan()
    preset: str | None = None
    settings: dict[Stage, dict[str, Any]] = Field(default_factory=dict)
    needs: dict[Stage, NeedsPlan] = Field(default_factory=dict)
    candidates: SamplingPlan = SamplingPlan()
    samples: SamplingPlan = SamplingPlan(prompts=100)
    mix_earlier_policy: bool = True
    others: tuple[int, ...] = ()
    candidate_others: tuple[int, ...] = ()
    overlap: int = Field(default=1, ge=1, le=20)
    evaluate: bool = True
    against_first_sft: bool = True
    approval: bool = False

    @model_validator(mode="after")
    def checkpoint_where_needed(self) -> Self:
        if (self.start == "pretrain") != (self.checkpoint_id is None):
            raise ValueError(gettext("Choose a checkpoint to start from, or a small model from nothing."))
        return self

    @model_validator(mode="after")
    def something_to_fine_tune(self) -> Self:
        if self.aim == "sft" and self.start == "checkpoint":
            raise ValueError(gettext("Fine-tuning alone starts from a model that is to be fine-tuned."))
        return self

    @model_validator(mode="after")
    def collected_rankings_in_time(self) -> Self:
        if self.rankings == "both" and self.comparisons.until:
            raise ValueError(gettext("Rankings that are yet to be collected have no last day."))
        return self

    @property
    def draws_while_aligning(self) -> bool:
        """Some methods of `align` learn from what they sample and a reward model judges."""
        return self.aim == "align" and self.settings.get(Stage.ALIGN, {}).get("method") in DRAWING

    def stage_settings(self, stage: Stage) -> dict[str, Any]:
        return dict(self.settings.get(stage, {}))

    def stage_needs(self, stage: Stage) -> Needs:
        """A stage that is set to the device `cuda` needs a GPU, whatever else is asked."""
        asked = self.needs.get(stage, NeedsPlan())
        return needs_of(self.stage_settings(stage), Needs(asked.gpu, asked.memory, asked.label))


class Step(StrEnum):
    """A round's steps, in the order in which they are done."""

    DEMONSTRATIONS = "demonstrations"
    PRETRAIN = "pretrain"
    SFT = "sft"
    CANDIDATE_PROMPTS = "candidate_prompts"
    CANDIDATES = "candidates"
    CANDIDATE_APPROVAL = "candidate_approval"
    COMPARE = "compare"
    COMPARISONS = "comparisons"
    REWARD = "reward"
    PROMPTS = "prompts"
    PPO = "ppo"
    ALIGN = "align"
    SAMPLE_PROMPTS = "sample_prompts"
    SAMPLES = "samples"
    EARLIER_SAMPLES = "earlier_samples"
    TEST_PROMPTS = "test_prompts"
    TEST_SAMPLES = "test_samples"
    EARLIER_TEST_SAMPLES = "earlier_test_samples"
    SAMPLE_APPROVAL = "sample_approval"  # of both kinds of samples, which is why the campaigns come after it
    NEXT_COMPARE = "next_compare"
    EVALUATION = "evaluation"
    HELD_OUT = "held_out"
    HELD_OUT_SCORES = "held_out_scores"


STAGE_OF = {
    Step.PRETRAIN: Stage.PRETRAIN,
    Step.SFT: Stage.SFT,
    Step.CANDIDATES: Stage.SAMPLE,
    Step.REWARD: Stage.REWARD,
    Step.PPO: Stage.PPO,
    Step.ALIGN: Stage.ALIGN,
    Step.SAMPLES: Stage.SAMPLE,
    Step.EARLIER_SAMPLES: Stage.SAMPLE,
    Step.TEST_SAMPLES: Stage.SAMPLE,
    Step.EARLIER_TEST_SAMPLES: Stage.SAMPLE,
}
COLLECTING = {Step.CANDIDATE_PROMPTS, Step.CANDIDATES, Step.CANDIDATE_APPROVAL, Step.COMPARE}
REWARDING = {Step.COMPARISONS, Step.REWARD}
IMPROVING = {Step.PROMPTS, Step.PPO, Step.ALIGN}
FEEDING = {Step.SAMPLE_PROMPTS, Step.SAMPLES, Step.EARLIER_SAMPLES, Step.SAMPLE_APPROVAL, Step.NEXT_COMPARE}
EVALUATING = {Step.TEST_PROMPTS, Step.TEST_SAMPLES, Step.EARLIER_TEST_SAMPLES, Step.EVALUATION}
APPROVING = {Step.CANDIDATE_APPROVAL, Step.SAMPLE_APPROVAL}
MEASURING = {Step.HELD_OUT, Step.HELD_OUT_SCORES}  # the reward model, by what held-out labelers said
LEFT_OUT: dict[Aim, set[Step]] = {
    "ppo": {Step.ALIGN},
    "align": {Step.PPO},
    "sft": COLLECTING | REWARDING | IMPROVING | FEEDING | EVALUATING,
    "reward": IMPROVING | FEEDING | EVALUATING,
    "samples": COLLECTING | REWARDING | IMPROVING | EVALUATING,
}


def steps_of(plan: RoundPlan) -> list[Step]:
    """The steps that this plan needs."""
    left_out = LEFT_OUT[plan.aim] | _before_the_policy(plan)
    if plan.aim == "align":
        left_out |= set() if plan.draws_while_aligning else {Step.REWARD, Step.PROMPTS}
    if not _mixes(plan):
        left_out |= {Step.EARLIER_SAMPLES}
    if not plan.evaluate:
        left_out |= EVALUATING
    if not plan.approval:
        left_out |= APPROVING
    if Step.REWARD in left_out or Step.EVALUATION in left_out:
        left_out |= MEASURING
    if plan.start == "checkpoint" and Step.REWARD in left_out:
        left_out |= {Step.DEMONSTRATIONS}  # what would centre the scores
    return [step for step in Step if step not in left_out]


def _before_the_policy(plan: RoundPlan) -> set[Step]:
    left_out: set[Step] = set()
    if plan.start != "pretrain":
        left_out |= {Step.PRETRAIN}
    if plan.start == "checkpoint":
        left_out |= {Step.SFT}
    if plan.rankings == "existing":
        left_out |= COLLECTING
    return left_out


def _mixes(plan: RoundPlan) -> bool:
    """Where nothing new is trained, the earlier policy is the one sampled."""
    return bool(plan.others) or (plan.mix_earlier_policy and plan.aim in ("ppo", "align"))


def stages_of(plan: RoundPlan) -> list[Stage]:
    """The trainer's stages that this plan runs, each once, in order."""
    return list(dict.fromkeys(STAGE_OF[step] for step in steps_of(plan) if step in STAGE_OF))
