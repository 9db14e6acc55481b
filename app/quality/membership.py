"""Who may work in a campaign. Decided here and written to `campaign_members`, which claiming a task reads."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.accounts.service import change_role
from app.campaigns.models import Campaign, CampaignMember, CampaignState
from app.errors import DomainError, message
from app.quality.screening.gate import candidates_of, screened_where_asked
from app.quality.screening.models import ScreeningPart


class NotOfTheCohort(DomainError):
    sentence = message("{name} is not an active labeler of the campaign's cohort.")


class NotScreened(DomainError):
    sentence = message("{name} has not been admitted by the project's screening.")


def admit_cohort(session: Session, campaign: Campaign) -> int:
    """Admit all active labelers of the campaign's cohort; returns how many are new."""
    return len(_admit(session, campaign, [labeler.id for labeler in labelers_of_cohort(session, campaign)]))


def admit(session: Session, campaign: Campaign, labeler: User) -> None:
    """Let a labeler in, or in again after a pause. Raises `NotOfTheCohort`, `NotScreened`."""
    if labeler not in labelers_of_cohort(session, campaign):
        in_cohort = labeler.active and labeler.cohort == campaign.cohort
        raise (NotScreened if in_cohort else NotOfTheCohort)(name=labeler.name)
    _admit(session, campaign, [labeler.id])
    _set_paused(session, campaign, labeler, paused=False)


def admit_to_open_campaigns(session: Session, project_id: int, labeler: User) -> int:
    """Where real work waits for their cohort; returns how many campaigns are new to them. A pause stays."""
    parts = select(ScreeningPart.campaign_id)
    query = select(Campaign).where(
        Campaign.project_id == project_id, Campaign.state == CampaignState.OPEN, Campaign.id.not_in(parts)
    )
    campaigns = session.scalars(query.where(Campaign.cohort == labeler.cohort)).all()
    return sum(len(_admit(session, campaign, [labeler.id])) for campaign in campaigns)


def pause(session: Session, campaign: Campaign, labeler: User) -> None:
    """Hand this labeler no more tasks; the one on their desk may be finished."""
    _set_paused(session, campaign, labeler, paused=True)


def move(session: Session, user: User, role: Role, cohort: Cohort | None = None) -> None:
    """Change role and cohort, as `accounts.service.change_role` does; campaigns of other cohorts are paused for them.

    Else somebody from the training cohort would go on evaluating, or the other way round.
    """
    change_role(session, user, role, cohort)
    screenings = select(ScreeningPart.campaign_id)  # are for every cohort
    elsewhere = select(Campaign.id).where(Campaign.cohort.is_distinct_from(user.cohort), Campaign.id.not_in(screenings))
    session.execute(
        update(CampaignMember)
        .where(CampaignMember.user_id == user.id, CampaignMember.campaign_id.in_(elsewhere))
        .values(paused=True)
    )


def labelers_of_cohort(session: Session, campaign: Campaign) -> Sequence[User]:
    """Without those whom the project's screening has not admitted; of a screening's campaign, whoever is at it."""
    if part := session.get(ScreeningPart, campaign.id):
        return candidates_of(session, part)
    query = select(User).where(User.role == Role.LABELER, User.cohort == campaign.cohort, User.active)
    allowed = query.where(User.origin != Origin.IMPORTED, screened_where_asked(campaign))
    return session.scalars(allowed.order_by(User.name, User.id)).all()


def _admit(session: Session, campaign: Campaign, labelers: Sequence[int]) -> Sequence[int]:
    if not labelers:
        return []
    rows = [{"campaign_id": campaign.id, "user_id": labeler} for labeler in labelers]
    statement = insert(CampaignMember).values(rows).on_conflict_do_nothing()
    return session.scalars(statement.returning(CampaignMember.user_id)).all()


def _set_paused(session: Session, campaign: Campaign, labeler: User, *, paused: bool) -> None:
    session.execute(
        update(CampaignMember)
        .where(CampaignMember.campaign_id == campaign.id, CampaignMember.user_id == labeler.id)
        .values(paused=paused)
    )
