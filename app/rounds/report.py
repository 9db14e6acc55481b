"""Whether the round's policy is better: what the held-out labelers said of it and of the policy it started from."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.evaluation.queries import same_answers, verdicts_between
from app.evaluation.win_rate import Verdict, WinRate, win_rate
from app.rounds.advancing import turn_of
from app.rounds.models import Round
from app.rounds.plan import Step
from app.rounds.steps import starting_policy


def round_win_rate(session: Session, files: Path, found: Round) -> WinRate | None:
    """The new policy against the earlier one; None while nothing was judged. A text that both wrote is a tie."""
    turn = turn_of(session, files, found)
    campaign = turn.campaign_of(Step.EVALUATION)
    if campaign is None:
        return None
    policy, earlier = turn.model_of(Step.PPO), starting_policy(turn)
    verdicts = verdicts_between(session, campaign, policy, earlier)
    if not verdicts:
        return None
    ties = [Verdict(prompt_id, 0.5) for prompt_id in same_answers(session, campaign, policy, earlier)]
    return win_rate([*verdicts, *ties])
