"""What a round is to do, decided before it starts and kept with it."""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.runs.models import Stage
from app.translation import gettext

People = Literal["people", "simulated", "both"]


class SamplingPlan(BaseModel):
    """How many prompts are answered, and how often each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: int | None = Field(default=None, ge=1, description="At most so many prompts; without it all.")
    k_min: int = Field(default=4, ge=2, le=9)
    k_max: int = Field(default=9, ge=2, le=9)
    rankings: int = Field(default=1, ge=1, le=9, description="Rankings per prompt, each of K outputs of its own.")
    temperature: float = Field(default=1.0, gt=0, le=5)

    @model_validator(mode="after")
    def k_in_order(self) -> Self:
        if self.k_min > self.k_max:
            raise ValueError(gettext("The smallest K must not exceed the largest."))
        return self


class RoundPlan(BaseModel):
    """A full round when all defaults are taken: from nothing to a policy and its samples as tasks.

    `start`: where the policy comes from: `pretrain` (a small model from nothing), `sft` (fine-tune `checkpoint_id`),
    or `checkpoint` (go on from `checkpoint_id`, an SFT model or policy of an earlier round).
    `rankings`: `collect` samples of the starting policy and wait until they are ranked, or take the `existing` ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Literal["pretrain", "sft", "checkpoint"] = "pretrain"
    checkpoint_id: int | None = None
    rankings: Literal["collect", "existing"] = "collect"
    people: People = "people"
    settings: dict[Stage, dict[str, Any]] = Field(default_factory=dict)
    candidates: SamplingPlan = SamplingPlan()
    samples: SamplingPlan = SamplingPlan(prompts=100)
    mix_earlier_policy: bool = True
    overlap: int = Field(default=1, ge=1, le=20)
    evaluate: bool = True

    @model_validator(mode="after")
    def checkpoint_where_needed(self) -> Self:
        if (self.start == "pretrain") != (self.checkpoint_id is None):
            raise ValueError(gettext("Choose a checkpoint to start from, or a small model from nothing."))
        return self

    def stage_settings(self, stage: Stage) -> dict[str, Any]:
        return dict(self.settings.get(stage, {}))


class Step(StrEnum):
    """A round's steps, in the order in which they are done."""

    DEMONSTRATIONS = "demonstrations"
    PRETRAIN = "pretrain"
    SFT = "sft"
    CANDIDATE_PROMPTS = "candidate_prompts"
    CANDIDATES = "candidates"
    COMPARE = "compare"
    COMPARISONS = "comparisons"
    REWARD = "reward"
    PROMPTS = "prompts"
    PPO = "ppo"
    SAMPLE_PROMPTS = "sample_prompts"
    SAMPLES = "samples"
    EARLIER_SAMPLES = "earlier_samples"
    NEXT_COMPARE = "next_compare"
    TEST_PROMPTS = "test_prompts"
    TEST_SAMPLES = "test_samples"
    EARLIER_TEST_SAMPLES = "earlier_test_samples"
    EVALUATION = "evaluation"


COLLECTING = {Step.CANDIDATE_PROMPTS, Step.CANDIDATES, Step.COMPARE}
EVALUATING = {Step.TEST_PROMPTS, Step.TEST_SAMPLES, Step.EARLIER_TEST_SAMPLES, Step.EVALUATION}


def steps_of(plan: RoundPlan) -> list[Step]:
    """The steps that this plan needs."""
    left_out: set[Step] = set()
    if plan.start != "pretrain":
        left_out |= {Step.PRETRAIN}
    if plan.start == "checkpoint":
        left_out |= {Step.SFT}
    if plan.rankings == "existing":
        left_out |= COLLECTING
    if not plan.mix_earlier_policy:
        left_out |= {Step.EARLIER_SAMPLES}
    if not plan.evaluate:
        left_out |= EVALUATING
    return [step for step in Step if step not in left_out]
