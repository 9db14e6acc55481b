"""Reads about campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.campaigns.models import Campaign, CampaignMember, CampaignState
from app.errors import NotFound
from app.projects.models import FormVersion, Guidelines, Project, Rule


@dataclass(frozen=True)
class Listed:
    """A campaign as a line of the list."""

    campaign: Campaign
    project: str


@dataclass(frozen=True)
class Member:
    user: User
    paused: bool


def campaign(session: Session, number: int) -> Campaign:
    found = session.get(Campaign, number)
    if found is None:
        raise NotFound(what="campaign", number=number)
    return found


def campaigns(session: Session, project: Project | None = None) -> list[Listed]:
    """Of one project or of all: open ones first, then drafts, then closed ones; newest first."""
    standing = func.array_position(["open", "draft", "closed"], Campaign.state)
    query = select(Campaign, Project.name).join(Project, Project.id == Campaign.project_id)
    if project is not None:
        query = query.where(Campaign.project_id == project.id)
    rows = session.execute(query.order_by(standing, Campaign.id.desc()))
    return [Listed(campaign, name) for campaign, name in rows]


def campaigns_of(session: Session, project: Project) -> Sequence[Campaign]:
    """Newest first."""
    return session.scalars(select(Campaign).where(Campaign.project_id == project.id).order_by(Campaign.id.desc())).all()


def open_campaigns(session: Session) -> Sequence[Campaign]:
    """In the order in which their tasks are handed out."""
    query = select(Campaign).where(Campaign.state == CampaignState.OPEN)
    return session.scalars(query.order_by(Campaign.priority.desc(), Campaign.id)).all()


def languages_of(session: Session, campaign: Campaign) -> set[str]:
    """That its members read."""
    query = select(User.language).join(CampaignMember, CampaignMember.user_id == User.id)
    return set(session.scalars(query.where(CampaignMember.campaign_id == campaign.id).distinct()))


def members(session: Session, campaign: Campaign) -> list[Member]:
    query = (
        select(User, CampaignMember.paused)
        .join(CampaignMember, CampaignMember.user_id == User.id)
        .where(CampaignMember.campaign_id == campaign.id)
    )
    return [Member(user, paused) for user, paused in session.execute(query.order_by(User.name, User.id))]


def rule_of(session: Session, campaign: Campaign) -> Rule | None:
    """The rule that is attacked in it, or that its outputs are judged by."""
    return session.get(Rule, campaign.rule_id) if campaign.rule_id else None


def frozen_form(session: Session, campaign: Campaign) -> FormVersion:
    """The form as it stood when the campaign opened."""
    return session.get_one(FormVersion, campaign.form_version_id)


def frozen_guidelines(session: Session, campaign: Campaign) -> Guidelines | None:
    """The guidelines as they stood when the campaign opened; imported campaigns have none."""
    return session.get(Guidelines, campaign.guidelines_id) if campaign.guidelines_id else None


def open_to(labeler: User) -> tuple[ColumnElement[bool], ...]:
    """That a campaign joined with its members hands out tasks to this labeler; sensitive ones only to who sees such."""
    sees_sensitive = select(User.sees_sensitive).where(User.id == labeler.id).scalar_subquery()
    return (
        CampaignMember.user_id == labeler.id,
        ~CampaignMember.paused,
        Campaign.state == CampaignState.OPEN,
        or_(Campaign.content_warning.is_(None), sees_sensitive),
    )


def uses_guidelines(session: Session, labeler: User, guidelines: Guidelines) -> bool:
    """Whether a campaign that the labeler is a member of works by this version."""
    query = (
        select(Campaign.id)
        .join(CampaignMember, CampaignMember.campaign_id == Campaign.id)
        .where(CampaignMember.user_id == labeler.id, Campaign.guidelines_id == guidelines.id)
    )
    return session.scalar(query.limit(1)) is not None
