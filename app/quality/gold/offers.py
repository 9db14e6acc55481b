"""What labelers are told of their campaigns, such that it gives away neither known answers nor repeats."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignMember, CampaignState
from app.tasks.models import CHECKS, Assignment, Task
from app.tasks.queries import MOST_COUNTED, Offer


def with_checks(session: Session, labeler: User, offers: Sequence[Offer]) -> list[Offer]:
    """With those that will come among the tasks that wait, so that every task makes the number one less."""
    mixed = [offer.campaign for offer in offers if offer.campaign.mixes_in]
    if not mixed:
        return list(offers)
    had = _had(session, labeler, mixed)
    return [
        replace(offer, waiting=_waiting(offer, *had.get(offer.campaign.id, (0, 0)))) if offer.waiting else offer
        for offer in offers
    ]


def _waiting(offer: Offer, real: int, checks: int) -> int:
    rate = offer.campaign.gold_rate + offer.campaign.repeat_rate
    planned = round((real + offer.waiting) * rate / (1 - rate)) if rate < 1 else 0
    return min(offer.waiting + max(planned - checks, 0), MOST_COUNTED)


def _had(session: Session, labeler: User, campaigns: Sequence[Campaign]) -> dict[int, tuple[int, int]]:
    """By campaign: how many tasks the labeler had, real ones and checks."""
    is_check = Task.purpose.in_(CHECKS)
    query = (
        select(Task.campaign_id, func.count().filter(~is_check), func.count().filter(is_check))
        .join(Assignment, Assignment.task_id == Task.id)
        .where(Assignment.labeler_id == labeler.id, Task.campaign_id.in_([campaign.id for campaign in campaigns]))
        .group_by(Task.campaign_id)
    )
    return {campaign: (real, checks) for campaign, real, checks in session.execute(query)}


def paused_in(session: Session, labeler: User) -> Sequence[Campaign]:
    """Open campaigns in which the labeler was stopped."""
    query = select(Campaign).join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
    stopped = (CampaignMember.user_id == labeler.id, CampaignMember.paused, Campaign.state == CampaignState.OPEN)
    return session.scalars(query.where(*stopped).order_by(Campaign.id)).all()
