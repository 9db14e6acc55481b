"""What a labeler is told waits for them is what they are given."""

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.quality.membership import pause
from app.tasks import queries
from app.tasks.leasing import claim_next_task
from app.tasks.models import Task
from app.tasks.queries import offers_for
from tests.factories import make_assignment, make_labeler, make_open_campaign

JUDGED = Judgement(ranks=(1, 2, 2, 3), ratings=({}, {}, {}, {}))


@pytest.fixture
def labelers(session: Session) -> tuple[User, User]:
    return make_labeler(session), make_labeler(session)


def waiting(session: Session, labeler: User) -> dict[int, int]:
    return {offer.campaign.id: offer.waiting for offer in offers_for(session, labeler)}


def answer(session: Session, labeler: User, campaign: Campaign) -> bool:
    claimed = claim_next_task(session, labeler, campaign)
    if claimed:
        submit_ranking(session, claimed, JUDGED, Sent("one"))
    return claimed is not None


def test_ones_own_tasks_do_not_wait_though_they_still_ask_for_answers(
    session: Session, labelers: tuple[User, User]
) -> None:
    one, other = labelers
    shared, single = make_open_campaign(session, tasks=3, overlap=2), make_open_campaign(session, tasks=2)
    assert waiting(session, one) == {shared.id: 3, single.id: 2}
    assert answer(session, one, shared)
    assert answer(session, one, single)
    assert waiting(session, one) == {shared.id: 2, single.id: 1}
    assert waiting(session, other) == {shared.id: 3, single.id: 1}
    while answer(session, other, shared):
        pass
    assert waiting(session, one) == {shared.id: 2, single.id: 1}
    assert waiting(session, other) == {shared.id: 0, single.id: 1}


def test_what_was_skipped_or_set_aside_does_not_wait(session: Session, labelers: tuple[User, User]) -> None:
    one, other = labelers
    campaign = make_open_campaign(session, tasks=3)
    skipped = make_assignment(session, one, campaign)
    skip(session, skipped, "unclear", Sent("one"))
    assert (waiting(session, one), waiting(session, other)) == ({campaign.id: 2}, {campaign.id: 3})
    session.get_one(Task, skipped.task_id, populate_existing=True).set_aside = True
    session.flush()
    assert (waiting(session, one), waiting(session, other)) == ({campaign.id: 2}, {campaign.id: 2})


def test_as_many_wait_as_are_then_handed_out(session: Session, labelers: tuple[User, User]) -> None:
    one, other = labelers
    campaign = make_open_campaign(session, tasks=4, overlap=2)
    skip(session, make_assignment(session, one, campaign), "unclear", Sent("one"))
    answer(session, one, campaign)
    answer(session, other, campaign)
    promised, given = waiting(session, one)[campaign.id], 0
    while answer(session, one, campaign):
        given += 1
    assert given == promised == 2
    assert waiting(session, one) == {campaign.id: 0}


def test_who_is_paused_is_offered_nothing(session: Session, labelers: tuple[User, User]) -> None:
    campaign = make_open_campaign(session)
    pause(session, campaign, labelers[0])
    assert (waiting(session, labelers[0]), waiting(session, labelers[1])) == ({}, {campaign.id: 1})


def test_of_very_many_tasks_only_some_are_counted_and_it_is_said(
    session: Session, labelers: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_COUNTED", 3)
    many, few = make_open_campaign(session, tasks=5), make_open_campaign(session, tasks=2)
    answer(session, labelers[0], many)
    offers = offers_for(session, labelers[0])
    assert [(offer.campaign.id, offer.waiting, offer.more) for offer in offers] == [(many.id, 3, "+"), (few.id, 2, "")]
