"""Whether the round's policy is better: what the held-out labelers said of it and of the policies before it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign, CampaignKind
from app.checkpoints.models import Checkpoint
from app.checkpoints.queries import first_sft
from app.evaluation.queries import same_answers, verdicts_between
from app.evaluation.win_rate import Verdict, WinRate, win_rate
from app.files.place import Files
from app.rounds.advancing import turn_of
from app.rounds.models import Round, RoundCampaign
from app.rounds.plan import Step
from app.rounds.steps import new_policy, starting_policy
from app.rounds.turn import Turn


def round_win_rate(session: Session, files: Files, found: Round) -> WinRate | None:
    """The new policy against the earlier one; None while nothing was judged. A text that both wrote is a tie."""
    turn = turn_of(session, files, found)
    return _of_round(turn, starting_policy(turn)) if turn.campaign_of(Step.EVALUATION) else None


def win_rate_over_first_sft(session: Session, files: Files, found: Round) -> WinRate | None:
    """The same against the baseline of all rounds; None where the round was not compared with it, too."""
    turn = turn_of(session, files, found)
    baseline = first_sft(session, starting_policy(turn)) if turn.campaign_of(Step.EVALUATION) else None
    return _of_round(turn, baseline) if baseline else None


def _of_round(turn: Turn, other: Checkpoint) -> WinRate | None:
    return win_rate_between(turn.session, evaluations_of(turn.session, turn.round), new_policy(turn), other)


def win_rate_between(
    session: Session, campaigns: Sequence[Campaign], policy: Checkpoint, baseline: Checkpoint
) -> WinRate | None:
    """Over all of the campaigns; None where nothing was judged. A text that both wrote for a test prompt is a tie."""
    verdicts = [verdict for each in campaigns for verdict in verdicts_between(session, each, policy, baseline)]
    if not verdicts:
        return None
    alike = set.intersection(*(set(same_answers(session, each, policy, baseline)) for each in campaigns))
    return win_rate([*verdicts, *(Verdict(prompt_id, 0.5) for prompt_id in sorted(alike))])


def evaluations_of(session: Session, found: Round) -> list[Campaign]:
    """The campaigns in which held-out labelers compared the round's policy with earlier ones."""
    query = select(Campaign).join(RoundCampaign).where(RoundCampaign.round_id == found.id)
    return list(session.scalars(query.where(Campaign.kind == CampaignKind.EVALUATE).order_by(Campaign.id)))
