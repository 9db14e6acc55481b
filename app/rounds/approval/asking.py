"""The step at which a round waits: what was sampled is measured, kept to be seen, and somebody is asked."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.rounds.announcing import announce_approval_asked
from app.rounds.approval.drawing import Voice, seen_of
from app.rounds.approval.samples import answers_in, answers_of_people, earlier_answers
from app.rounds.approval.sampling import SAMPLED_IN, rejections
from app.rounds.models import ApprovalState, RoundApproval
from app.rounds.plan import Step
from app.rounds.turn import Outcome, Turn
from app.runs.models import Run
from app.runs.queries import latest_metrics, run_that_produced

# What was sampled in the same round by the policy before.
BESIDE: dict[Step, tuple[Step, ...]] = {
    Step.CANDIDATE_APPROVAL: (),
    Step.SAMPLE_APPROVAL: (Step.EARLIER_SAMPLES, Step.EARLIER_TEST_SAMPLES),
}
OUTCOME_OF = {
    ApprovalState.ASKED: Outcome.WAITING,
    ApprovalState.APPROVED: Outcome.DONE,
    ApprovalState.REJECTED: Outcome.REJECTED,
}


def approval_of(turn: Turn, step: Step, policy: Checkpoint, before: Checkpoint | None) -> Outcome:
    """What was decided of this step's samples; at the first look they are shown, beside what `before` answered."""
    runs = runs_of(turn, SAMPLED_IN[step])
    asked = turn.session.scalar(select(RoundApproval).where(RoundApproval.run_id == runs[0].id))
    if asked is None:
        asked = _ask(turn, step, runs, policy, before)
    return OUTCOME_OF[asked.state]


def runs_of(turn: Turn, steps: Sequence[Step]) -> list[Run]:
    return [run for run in map(turn.run_of, steps) if run]


def _ask(turn: Turn, step: Step, runs: list[Run], policy: Checkpoint, before: Checkpoint | None) -> RoundApproval:
    answers = answers_in(turn, runs, policy)
    ours = Voice(policy.name, answers, _kl_of(turn.session, policy))
    earlier = _earlier(turn, runs_of(turn, BESIDE[step]), before, sorted({each.prompt for each in answers}))
    time = rejections(turn, step) + 1
    mixed = _mixed(turn, step, [policy, before])
    seen = seen_of(ours, earlier, f"round {turn.round.id}, {step.value.replace('_', ' ')} {time}", mixed)
    asked = RoundApproval(
        round_id=turn.round.id,
        run_id=runs[0].id,
        step=step,
        state=ApprovalState.ASKED,
        seen=seen.model_dump(mode="json"),
    )
    turn.session.add(asked)
    turn.session.flush()
    announce_approval_asked(turn.session, turn.round, asked)
    return asked


def _earlier(turn: Turn, runs: list[Run], before: Checkpoint | None, prompts: list[int]) -> Voice:
    """As sampled in this round, else whenever; people's demonstrations where no policy came before."""
    if before is None or before.kind is CheckpointKind.BASE:
        return Voice(None, answers_of_people(turn.session, prompts))
    answers = answers_in(turn, runs, before) or earlier_answers(turn.session, before, prompts)
    return Voice(before.name, answers, _kl_of(turn.session, before))


def _mixed(turn: Turn, step: Step, shown: Sequence[Checkpoint | None]) -> list[Voice]:
    """The other policies that the plan mixes in."""
    candidates = step is Step.CANDIDATE_APPROVAL
    numbers = turn.plan.candidate_others if candidates else turn.plan.others
    runs = runs_of(turn, [Step.CANDIDATES if candidates else Step.EARLIER_SAMPLES])
    policies = [turn.session.get_one(Checkpoint, number) for number in dict.fromkeys(numbers)]
    left = [policy for policy in policies if policy not in shown]
    return [Voice(policy.name, answers_in(turn, runs, policy), _kl_of(turn.session, policy)) for policy in left]


def _kl_of(session: Session, policy: Checkpoint) -> float | None:
    """What its training measured last, where a run of ours trained it by a method that measures it."""
    trained = run_that_produced(session, policy)
    return latest_metrics(session, trained).get("kl") if trained else None
