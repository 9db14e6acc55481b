"""What approval means for sampling: rewards to be seen beside outputs, and other outputs after a rejection."""

from typing import Any

from sqlalchemy import func, select

from app.rounds.models import ApprovalState, RoundApproval
from app.rounds.plan import Step
from app.rounds.turn import Turn
from app.runs.models import Stage
from app.runs.service import Input

# The steps whose samples are approved or rejected; the first of their runs stands for all of them.
SAMPLED_IN: dict[Step, tuple[Step, ...]] = {
    Step.CANDIDATE_APPROVAL: (Step.CANDIDATES,),
    Step.SAMPLE_APPROVAL: (Step.SAMPLES, Step.TEST_SAMPLES),
}


def seeded_anew(turn: Turn, sampling: Step) -> dict[str, Any]:
    """Samples that were rejected are not drawn a second time."""
    approvals = [approval for approval, steps in SAMPLED_IN.items() if sampling in steps]
    times = sum(rejections(turn, approval) for approval in approvals)
    seed = turn.plan.stage_settings(Stage.SAMPLE).get("seed", 0)
    return {"seed": seed + times} if times else {}


def rejections(turn: Turn, approval: Step) -> int:
    """How often samples of this round were rejected at this step."""
    rejected = select(func.count()).where(
        RoundApproval.round_id == turn.round.id,
        RoundApproval.step == approval,
        RoundApproval.state == ApprovalState.REJECTED,
    )
    return turn.session.scalars(rejected).one()


def judge_of(turn: Turn, sampling: Step) -> list[Input]:
    """The round's own reward model where it can score what is sampled.

    Policies of other families have other vocabularies, and vLLM leaves it no memory unless told to.
    """
    settings = turn.plan.stage_settings(Stage.SAMPLE)
    foreign = sampling is Step.EARLIER_SAMPLES and turn.plan.others
    if not turn.plan.approval or foreign or settings.get("reward_model") or settings.get("sampler") == "vllm":
        return []
    return [Input("reward_model", turn.model_of(Step.REWARD))] if turn.run_of(Step.REWARD) else []
