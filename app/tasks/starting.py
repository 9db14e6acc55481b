"""The way to the next task, past the guidelines that its campaign works by."""

from http import HTTPStatus

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.campaigns.models import Campaign
from app.campaigns.queries import frozen_guidelines
from app.errors import DomainError, message
from app.projects.guidelines import needs_acknowledging
from app.projects.models import Guidelines
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, AssignmentState, Task


class GuidelinesUnread(DomainError):
    status = HTTPStatus.PRECONDITION_REQUIRED
    sentence = message("Read the guidelines of the campaign {name} before you begin.")

    def __init__(self, guidelines: Guidelines, campaign: Campaign) -> None:
        self.guidelines = guidelines
        self.campaign = campaign
        super().__init__(name=campaign.name)


def start_next_task(session: Session, labeler: User, campaign: Campaign | None = None) -> Assignment | None:
    """As `claim_next_task`. Raises `GuidelinesUnread`; then no slot is taken."""
    with session.begin_nested():
        claimed = claim_next_task(session, labeler, campaign)
        if claimed is not None:
            task = session.get_one(Task, claimed.task_id)
            expect_guidelines_read(session, labeler, claimed, session.get_one(Campaign, task.campaign_id))
    return claimed


def expect_guidelines_read(session: Session, labeler: User, assignment: Assignment, campaign: Campaign) -> None:
    """Raises `GuidelinesUnread`. What was submitted already may be looked at and revised all the same."""
    if assignment.state is AssignmentState.SUBMITTED:
        return
    guidelines = frozen_guidelines(session, campaign)
    if guidelines is not None and needs_acknowledging(session, guidelines, labeler):
        raise GuidelinesUnread(guidelines, campaign)
