"""What labelers are told of their own work."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.quality.own_figures import days_of, seen_alike
from app.tasks.leasing import claim_next_task
from tests.factories import make_assignment, make_labeler, make_open_campaign


def rank_all(session: Session, labeler: User, campaign: Campaign, ranks: tuple[int, ...]) -> None:
    """Ranks in the order of completion ids, a minute each."""
    while assignment := claim_next_task(session, labeler, campaign):
        by_id = dict(zip(sorted(assignment.shown_order), ranks, strict=True))
        shown = tuple(by_id[number] for number in assignment.shown_order)
        submit_ranking(session, assignment, Judgement(shown, ({},) * len(ranks)), Sent(f"{assignment.id}", 60))


def test_days_have_what_was_done_and_for_how_long(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=3, outputs=2)
    skip(session, make_assignment(session, labeler, campaign), "unclear", Sent("one", 30))
    rank_all(session, labeler, campaign, (1, 2))
    (today,) = days_of(session, labeler, clock.now() - timedelta(days=1))
    assert (today.done, today.minutes) == (2, 2.5)
    assert days_of(session, labeler, clock.now() + timedelta(days=1)) == []


@pytest.mark.parametrize(("other", "share"), [((1, 2, 3), 1.0), ((1, 3, 2), 2 / 3), ((1, 1, 2), 1.0)])
def test_pairs_that_both_ordered_count(session: Session, other: tuple[int, ...], share: float) -> None:
    one, two = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session, tasks=20, outputs=3, overlap=2)
    rank_all(session, one, campaign, (1, 2, 3))
    assert seen_alike(session, one) is None, "nobody else ranked anything"
    rank_all(session, two, campaign, other)
    found = seen_alike(session, one)
    assert found is not None
    assert found.share == pytest.approx(share)
    assert found.tasks == 20


def test_a_few_tasks_say_nothing(session: Session) -> None:
    one, two = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session, tasks=19, outputs=2, overlap=2)
    for labeler in (one, two):
        rank_all(session, labeler, campaign, (1, 2))
    assert seen_alike(session, one) is None
