"""Who may work in a campaign."""

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role
from app.campaigns.models import CampaignKind
from app.campaigns.queries import members
from app.quality.membership import NotOfTheCohort, admit, admit_cohort, move, pause
from app.tasks.leasing import claim_next_task
from tests.factories import make_campaign, make_labeler, make_open_campaign, make_user


def test_a_cohort_is_admitted_once_and_nobody_else(session: Session) -> None:
    labeler = make_labeler(session)
    make_labeler(session, Cohort.HELD_OUT)
    make_user(session, Role.RESEARCHER)
    campaign = make_campaign(session)
    assert (admit_cohort(session, campaign), admit_cohort(session, campaign)) == (1, 0)
    assert [member.user for member in members(session, campaign)] == [labeler]


def test_a_paused_labeler_gets_no_task_until_admitted_again(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session)
    pause(session, campaign, labeler)
    assert claim_next_task(session, labeler) is None
    admit(session, campaign, labeler)
    assert claim_next_task(session, labeler)


def test_labelers_of_another_cohort_are_not_let_in(session: Session) -> None:
    with pytest.raises(NotOfTheCohort):
        admit(session, make_campaign(session), make_labeler(session, Cohort.HELD_OUT))


@pytest.mark.parametrize(
    ("kind", "cohort", "other"),
    [
        (CampaignKind.COMPARE, Cohort.TRAINING, Cohort.HELD_OUT),
        (CampaignKind.EVALUATE, Cohort.HELD_OUT, Cohort.TRAINING),
    ],
)
def test_who_changes_the_cohort_leaves_its_campaigns(
    session: Session, kind: CampaignKind, cohort: Cohort, other: Cohort
) -> None:
    labeler = make_labeler(session, cohort)
    campaign = make_open_campaign(session, kind)
    move(session, labeler, Role.LABELER, cohort)
    assert [member.paused for member in members(session, campaign)] == [False]
    move(session, labeler, Role.LABELER, other)
    assert [member.paused for member in members(session, campaign)] == [True]
    assert claim_next_task(session, labeler) is None
