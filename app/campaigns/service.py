"""A campaign's life: drafted, opened with the form and guidelines of the day, closed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Cohort, User
from app.campaigns.models import Campaign, CampaignKind, CampaignState
from app.errors import DomainError, message
from app.projects.models import FormVersion, Project, Rule
from app.projects.queries import current_form, current_guidelines
from app.projects.rules import RuleArchived


class CampaignNameTaken(DomainError):
    sentence = message("This project already has a campaign named {name}.")


class CampaignClosed(DomainError):
    sentence = message("The campaign {name} is closed.")


class HeldOutEvaluates(DomainError):
    sentence = message("Only held-out labelers evaluate: choose the held-out cohort.")


class RuleMissing(DomainError):
    sentence = message("Choose the rule that is to be attacked.")


def create_campaign(
    session: Session,
    project: Project,
    name: str,
    kind: CampaignKind,
    *,
    overlap: int = 1,
    cohort: Cohort = Cohort.TRAINING,
    priority: int = 0,
    lease_minutes: int = 60,
    rule: Rule | None = None,
    form: FormVersion | None = None,
    content_warning: str | None = None,
    created_by: User | None = None,
) -> Campaign:
    """A draft, to which tasks are added; with `form` it asks that one, else the project's own on the day it opens.

    Raises `CampaignNameTaken`, `HeldOutEvaluates`, `RuleMissing`, `RuleArchived`.
    """
    if session.scalar(select(Campaign.id).where(Campaign.project_id == project.id, Campaign.name == name)):
        raise CampaignNameTaken(name=name)
    if kind is CampaignKind.EVALUATE and cohort is not Cohort.HELD_OUT:
        raise HeldOutEvaluates
    if kind is CampaignKind.RED_TEAM:
        _expect_rule(rule)
    campaign = Campaign(
        project_id=project.id,
        name=name,
        kind=kind,
        state=CampaignState.DRAFT,
        imported=False,
        overlap=overlap,
        cohort=cohort,
        priority=priority,
        lease_minutes=lease_minutes,
        rule_id=rule.id if rule else None,
        form_version_id=form.id if form else None,
        content_warning=content_warning or None,
        created_by_id=created_by.id if created_by else None,
    )
    session.add(campaign)
    session.flush()
    return campaign


def _expect_rule(rule: Rule | None) -> None:
    """Nobody attacks an archived rule; what was collected on it is judged all the same."""
    if rule is None:
        raise RuleMissing
    if rule.archived:
        raise RuleArchived(name=rule.name)


def open_campaign(session: Session, campaign: Campaign) -> None:
    """Hand out its tasks. The form and guidelines are frozen the first time. Raises `CampaignClosed` where imported."""
    if campaign.imported:
        raise CampaignClosed(name=campaign.name)
    if campaign.opened_at is None:
        project = session.get_one(Project, campaign.project_id)
        campaign.form_version_id = campaign.form_version_id or current_form(session, project).id
        campaign.guidelines_id = current_guidelines(session, project).id
        campaign.opened_at = clock.now()
    campaign.state, campaign.closed_at = CampaignState.OPEN, None
    session.flush()


def close_campaign(session: Session, campaign: Campaign) -> None:
    """Hand out nothing more. What is already on a labeler's desk may still be submitted."""
    if campaign.state is CampaignState.DRAFT:
        return
    campaign.state, campaign.closed_at = CampaignState.CLOSED, clock.now()
    session.flush()
