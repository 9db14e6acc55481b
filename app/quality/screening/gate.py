"""Who gets real tasks of a project that screens its labelers, and who gets the tasks of a screening."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignMember
from app.quality.screening.models import Attempt, AttemptState, Screening, ScreeningPart


def was_admitted(project_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Over users: an attempt at the project's screening ended with an admission."""
    return (
        exists()
        .where(Attempt.labeler_id == User.id, Attempt.state == AttemptState.ADMITTED)
        .where(Attempt.screening_id == Screening.id, Screening.project_id == project_id)
    )


def screened_where_asked(campaign: Campaign) -> ColumnElement[bool]:
    """Over users: the campaign's project does not ask for a screening, or they were admitted."""
    asked = exists().where(Screening.project_id == campaign.project_id, Screening.required)
    return or_(~asked, was_admitted(campaign.project_id))


def candidates_of(session: Session, part: ScreeningPart) -> Sequence[User]:
    """Whoever is at it just now, of whichever cohort."""
    query = (
        select(User)
        .join(Attempt, Attempt.labeler_id == User.id)
        .where(Attempt.screening_id == part.screening_id, Attempt.number == part.sitting)
        .where(Attempt.state == AttemptState.IN_PROGRESS, User.active)
    )
    return session.scalars(query.order_by(User.name, User.id)).all()


def shut_out_unscreened(session: Session, screening: Screening) -> int:
    """Where it is required: take those who were not admitted out of the project's real work; returns how many.

    What is on their desks may still be submitted. Whoever was paused stays a member and paused, so that an admission
    does not undo somebody else's decision.
    """
    if not screening.required:
        return 0
    screening_campaigns = select(ScreeningPart.campaign_id)
    real = select(Campaign.id).where(
        Campaign.project_id == screening.project_id, Campaign.id.not_in(screening_campaigns)
    )
    screened = select(User.id).where(was_admitted(screening.project_id))
    statement = delete(CampaignMember).where(
        CampaignMember.campaign_id.in_(real), ~CampaignMember.paused, CampaignMember.user_id.not_in(screened)
    )
    return len(set(session.scalars(statement.returning(CampaignMember.user_id))))
