"""How far a campaign is."""

from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.quality.membership import admit_cohort
from app.quality.progress import Progress, progress_of, shares_in
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_user

JUDGED = Judgement((1, 2, 3, 4), ({}, {}, {}, {}))


def test_slots_are_done_leased_open_or_set_aside(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(3)]
    campaign = make_open_campaign(session, tasks=3, overlap=2)
    submit_ranking(session, make_assignment(session, labelers[0], campaign), JUDGED, Sent("one", 30))
    make_assignment(session, labelers[0], campaign)
    skip(session, make_assignment(session, labelers[1], campaign), "unclear", Sent("one"))
    shares = shares_in(session, campaign)
    assert progress_of(session, campaign, shares) == Progress(
        tasks=3, slots=6, done=1, leased=1, open=4, set_aside=0, surplus=0
    )
    assert [(share.labeler, share.done, share.skipped) for share in shares] == [
        (labelers[0], 1, 0),
        (labelers[1], 0, 1),
    ]


def test_a_cohort_is_admitted_once_and_nobody_else(session: Session) -> None:
    make_labeler(session, Cohort.HELD_OUT)
    make_user(session, Role.RESEARCHER)
    campaign = make_open_campaign(session)
    make_labeler(session)
    assert admit_cohort(session, campaign) == 1
    assert admit_cohort(session, campaign) == 0
