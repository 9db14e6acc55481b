"""Campaigns with a content warning are handed only to those who see such content."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.service import choose_content
from app.campaigns.models import Campaign
from app.tasks.leasing import claim_next_task, give_back
from app.tasks.models import Task
from app.tasks.queries import offers_for
from tests.factories import make_assignment, make_labeler, make_open_campaign


@pytest.fixture
def spared(session: Session) -> User:
    labeler = make_labeler(session)
    choose_content(session, labeler, sees_sensitive=False)
    return labeler


def _sensitive(session: Session) -> Campaign:
    campaign = make_open_campaign(session, tasks=2, priority=9)
    campaign.content_warning = "Violence"
    session.flush()
    return campaign


def test_who_wants_none_gets_none_though_it_comes_first(session: Session, spared: User) -> None:
    sensitive, harmless = _sensitive(session), make_open_campaign(session)
    claimed = claim_next_task(session, spared)
    assert claimed is not None
    assert claimed.task_id in _tasks(session, harmless)
    assert sensitive.priority > harmless.priority
    assert [offer.campaign.id for offer in offers_for(session, spared)] == [harmless.id]


def test_who_asks_for_it_by_name_gets_none_either(session: Session, spared: User) -> None:
    assert claim_next_task(session, spared, _sensitive(session)) is None


def test_everybody_else_gets_it(session: Session) -> None:
    labeler = make_labeler(session)
    sensitive = _sensitive(session)
    assert make_assignment(session, labeler, sensitive).task_id in _tasks(session, sensitive)
    assert [offer.campaign.id for offer in offers_for(session, labeler)] == [sensitive.id]


def test_nobody_waits_for_tasks_that_they_want_none_of(
    session: Session, spared: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: float) -> None:
        raise AssertionError("waited")

    _sensitive(session)
    monkeypatch.setattr("app.tasks.leasing.time.sleep", never)
    assert claim_next_task(session, spared) is None


def test_what_was_left_is_not_taken_up_again_after_a_change_of_mind(session: Session) -> None:
    labeler = make_labeler(session)
    left = make_assignment(session, labeler, _sensitive(session))
    give_back(session, left)
    choose_content(session, labeler, sees_sensitive=False)
    assert claim_next_task(session, labeler) is None
    choose_content(session, labeler, sees_sensitive=True)
    assert claim_next_task(session, labeler) is left


def _tasks(session: Session, campaign: Campaign) -> list[int]:
    return list(session.scalars(select(Task.id).where(Task.campaign_id == campaign.id)))
