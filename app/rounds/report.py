"""Whether the round's policy is better: what the held-out labelers said of it and of the policy it started from."""

from collections import defaultdict
from pathlib import Path

from sqlalchemy.orm import Session

from app.evaluation.queries import verdicts_between
from app.evaluation.win_rate import Verdict, WinRate, win_rate
from app.rounds.advancing import turn_of
from app.rounds.feeding import sampled_pairs
from app.rounds.models import Round
from app.rounds.plan import Step
from app.rounds.steps import starting_policy
from app.rounds.turn import Turn
from app.runs.models import RunState


def round_win_rate(session: Session, files: Path, found: Round) -> WinRate | None:
    """The new policy against the earlier one; None while nothing was judged. A text that both wrote is a tie."""
    turn = turn_of(session, files, found)
    campaign = turn.campaign_of(Step.EVALUATION)
    if campaign is None:
        return None
    verdicts = verdicts_between(session, campaign, turn.model_of(Step.PPO), starting_policy(turn))
    if not verdicts:
        return None
    return win_rate([*verdicts, *(Verdict(prompt_id, 0.5) for prompt_id in _identical(turn))])


def _identical(turn: Turn) -> list[int]:
    """Prompts to which both policies gave the same single answer: there was nothing to show."""
    runs = [turn.the_run(Step.TEST_SAMPLES), turn.the_run(Step.EARLIER_TEST_SAMPLES)]
    if any(run.state is not RunState.FINISHED for run in runs):
        return []
    answers: dict[int, set[int]] = defaultdict(set)
    for pairs in sampled_pairs(turn, runs):
        for prompt_id, completion_id in pairs:
            answers[prompt_id].add(completion_id)
    return [prompt_id for prompt_id, texts in answers.items() if len(texts) == 1]
