"""A campaign's life."""

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.campaigns.models import CampaignKind, CampaignState
from app.campaigns.queries import campaigns, frozen_form, frozen_guidelines
from app.campaigns.service import (
    CampaignClosed,
    CampaignNameTaken,
    HeldOutEvaluates,
    close_campaign,
    create_campaign,
    open_campaign,
)
from app.projects.forms import RatingForm
from app.projects.models import Project
from app.projects.service import publish_form, publish_guidelines
from tests.factories import make_campaign, make_project


def test_opening_freezes_the_form_and_the_guidelines(session: Session) -> None:
    campaign = make_campaign(session, project=make_project(session, guidelines="Be **fair**."))
    project = session.get_one(Project, campaign.project_id)
    open_campaign(session, campaign)
    publish_form(session, project, RatingForm())
    publish_guidelines(session, project, "Be strict.")
    close_campaign(session, campaign)
    open_campaign(session, campaign)
    assert frozen_form(session, campaign).version == 1
    guidelines = frozen_guidelines(session, campaign)
    assert guidelines is not None
    assert guidelines.text == "Be **fair**."


def test_a_name_is_used_once_in_a_project(session: Session) -> None:
    project = make_project(session)
    make_campaign(session, project=project, name="First")
    with pytest.raises(CampaignNameTaken):
        make_campaign(session, project=project, name="First")
    make_campaign(session, name="First")


def test_only_held_out_labelers_evaluate(session: Session) -> None:
    with pytest.raises(HeldOutEvaluates):
        create_campaign(session, make_project(session), "x", CampaignKind.EVALUATE, cohort=Cohort.TRAINING)


def test_an_imported_campaign_never_opens(session: Session) -> None:
    campaign = make_campaign(session)
    campaign.imported = True
    with pytest.raises(CampaignClosed):
        open_campaign(session, campaign)


def test_closing_a_draft_leaves_it_a_draft(session: Session) -> None:
    campaign = make_campaign(session)
    close_campaign(session, campaign)
    assert campaign.state is CampaignState.DRAFT


def test_open_campaigns_are_listed_first(session: Session) -> None:
    opened, draft, closed = (make_campaign(session) for _ in range(3))
    open_campaign(session, opened)
    open_campaign(session, closed)
    close_campaign(session, closed)
    assert [line.campaign for line in campaigns(session)] == [opened, draft, closed]
