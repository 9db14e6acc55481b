"""Which steps a plan needs, and which plans make no sense."""

from datetime import date

import pytest
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.errors import InvalidInput
from app.rounds.plan import Aim, DataPlan, RoundPlan, Step, stages_of, steps_of
from app.rounds.service import start_round
from app.rounds.steps import STEPS
from app.runs.models import Stage
from tests.factories import make_project


def test_every_step_can_be_taken() -> None:
    assert set(STEPS) == set(Step)


@pytest.mark.parametrize(
    ("aim", "stages"),
    [
        ("ppo", [Stage.PRETRAIN, Stage.SFT, Stage.SAMPLE, Stage.REWARD, Stage.PPO]),
        ("align", [Stage.PRETRAIN, Stage.SFT, Stage.SAMPLE, Stage.ALIGN]),
        ("sft", [Stage.PRETRAIN, Stage.SFT]),
        ("reward", [Stage.PRETRAIN, Stage.SFT, Stage.SAMPLE, Stage.REWARD]),
        ("samples", [Stage.PRETRAIN, Stage.SFT, Stage.SAMPLE]),
    ],
)
def test_a_round_trains_what_its_aim_needs(aim: Aim, stages: list[Stage]) -> None:
    assert stages_of(RoundPlan(aim=aim)) == stages


def test_a_method_that_draws_its_own_outputs_needs_prompts_and_a_reward_model() -> None:
    plan = RoundPlan(aim="align", settings={Stage.ALIGN: {"method": "rso"}})
    assert {Step.REWARD, Step.PROMPTS} <= set(steps_of(plan))
    assert not {Step.REWARD, Step.PROMPTS} & set(steps_of(RoundPlan(aim="align")))


def test_only_samples_of_a_policy_are_three_steps() -> None:
    plan = RoundPlan(aim="samples", start="checkpoint", checkpoint_id=1)
    assert steps_of(plan) == [Step.SAMPLE_PROMPTS, Step.SAMPLES, Step.NEXT_COMPARE]
    assert Step.EARLIER_SAMPLES in steps_of(plan.model_copy(update={"others": (2,)}))


def test_a_reward_model_alone_is_centred_on_demonstrations() -> None:
    plan = RoundPlan(aim="reward", start="checkpoint", checkpoint_id=1, rankings="existing")
    assert steps_of(plan) == [Step.DEMONSTRATIONS, Step.COMPARISONS, Step.REWARD]


def test_a_reward_model_is_measured_by_held_out_labelers_where_both_are_there() -> None:
    measuring = {Step.HELD_OUT, Step.HELD_OUT_SCORES}
    assert steps_of(RoundPlan())[-2:] == [Step.HELD_OUT, Step.HELD_OUT_SCORES]
    for plan in (RoundPlan(evaluate=False), RoundPlan(aim="align"), RoundPlan(aim="reward")):
        assert not measuring & set(steps_of(plan))


def test_fine_tuning_alone_needs_something_to_fine_tune() -> None:
    with pytest.raises(ValidationError, match="starts from a model that is to be fine-tuned"):
        RoundPlan(aim="sft", start="checkpoint", checkpoint_id=1)


def test_days_are_in_order() -> None:
    with pytest.raises(ValidationError, match="The first day is after the last"):
        DataPlan(since=date(2026, 2, 2), until=date(2026, 2, 1))


def test_a_reward_model_is_not_mixed_in(session: Session) -> None:
    project = make_project(session)
    judge = register_checkpoint(session, project, CheckpointKind.REWARD, "judge", location="x", digest="0")
    with pytest.raises(InvalidInput, match="judge cannot be sampled"):
        start_round(session, project, RoundPlan(others=(judge.id,)))


def test_settings_of_stages_that_do_not_run_are_not_asked_for(session: Session) -> None:
    """PPO-ptx needs texts; a round that only fine-tunes does not."""
    wants_texts = {Stage.PPO: {"ptx_coefficient": 27.8}}
    project = make_project(session)
    with pytest.raises(InvalidInput, match="`texts` is required"):
        start_round(session, project, RoundPlan(settings=wants_texts))
    start_round(session, project, RoundPlan(aim="sft", settings=wants_texts))
