"""How far a labeler is: today, and in a campaign from its beginning."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import User
from app.annotations.models import Annotation
from app.annotations.queries import Progress, progress_by_campaign, standing
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from tests.factories import make_assignment, make_labeler, make_open_campaign

JUDGED = Judgement(ranks=(1, 2, 2, 3), ratings=({}, {}, {}, {}))
MIDNIGHT = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
LAST_MONTH, LAST_WEEK, TODAY = MIDNIGHT - timedelta(30), MIDNIGHT - timedelta(7), MIDNIGHT + timedelta(minutes=5)


def submitted(session: Session, labeler: User, campaign: Campaign, when: datetime, minutes: int) -> None:
    annotation = submit_ranking(session, make_assignment(session, labeler, campaign), JUDGED, Sent("one", minutes * 60))
    session.execute(update(Annotation).where(Annotation.id == annotation.id).values(created_at=when))


def made(session: Session, campaign: Campaign, when: datetime) -> Campaign:
    campaign.created_at = when
    session.flush()
    return campaign


def today_and_in(session: Session, labeler: User, campaign: Campaign) -> tuple[Progress, Progress]:
    now = standing(session, labeler, campaign, MIDNIGHT, MIDNIGHT)
    return now.today, now.here


def test_today_counts_every_campaign_and_here_all_days(session: Session) -> None:
    labeler = make_labeler(session)
    old = made(session, make_open_campaign(session, tasks=3), LAST_MONTH)
    new = made(session, make_open_campaign(session, tasks=3), LAST_WEEK)
    submitted(session, labeler, old, LAST_MONTH, 1)
    submitted(session, labeler, old, LAST_WEEK, 2)
    submitted(session, labeler, new, LAST_WEEK, 4)
    submitted(session, labeler, old, TODAY, 8)
    submitted(session, labeler, new, TODAY, 16)
    assert today_and_in(session, labeler, old) == (Progress(2, 24), Progress(3, 11))
    assert today_and_in(session, labeler, new) == (Progress(2, 24), Progress(2, 20))
    assert progress_by_campaign(session, labeler, [old, new]) == {old.id: Progress(3, 11), new.id: Progress(2, 20)}
    assert progress_by_campaign(session, labeler, [new]) == {new.id: Progress(2, 20)}


def test_who_did_nothing_yet_has_no_progress(session: Session) -> None:
    labeler, other = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session, tasks=2)
    submitted(session, other, campaign, TODAY, 5)
    assert today_and_in(session, labeler, campaign) == (Progress(), Progress())
    assert progress_by_campaign(session, labeler, [campaign]) == {}
    assert progress_by_campaign(session, other, []) == {}


def test_a_campaign_of_today_hides_nothing_that_was_done_before_it(session: Session) -> None:
    labeler = make_labeler(session)
    earlier, campaign = make_open_campaign(session), make_open_campaign(session)
    made(session, earlier, LAST_WEEK)
    made(session, campaign, TODAY + timedelta(hours=1))
    submitted(session, labeler, earlier, TODAY, 3)
    submitted(session, labeler, campaign, TODAY + timedelta(hours=2), 5)
    assert today_and_in(session, labeler, campaign) == (Progress(2, 8), Progress(1, 5))
