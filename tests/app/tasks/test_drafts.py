"""Drafts between tabs, and between a draft and a submission on their way at once."""

import pytest
from sqlalchemy.orm import Session

from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.tasks.drafts import DraftIsOlder, count_active_seconds, save_draft
from tests.factories import make_assignment, make_labeler


def test_a_draft_is_kept_with_its_version(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    assert save_draft(session, assignment, 0, {"rank[a]": "1"}) == 1
    assert save_draft(session, assignment, 1, {"rank[a]": "2"}) == 2
    assert assignment.draft == {"rank[a]": "2"}
    assert assignment.draft_saved_at is not None


def test_the_older_of_two_tabs_is_told(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    save_draft(session, assignment, 0, {"rank[a]": "1"})
    with pytest.raises(DraftIsOlder):
        save_draft(session, assignment, 0, {"rank[a]": "4"})
    assert assignment.draft == {"rank[a]": "1"}


def test_a_draft_that_arrives_after_the_submission_does_not_come_back(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    save_draft(session, assignment, 0, {"rank[a]": "1"})
    submit_ranking(session, assignment, Judgement((1, 2, 3, 4), ({}, {}, {}, {})), Sent("one"))
    with pytest.raises(DraftIsOlder):
        save_draft(session, assignment, 1, {"rank[a]": "2"})
    assert assignment.draft is None


def test_active_time_never_counts_down(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    for seconds in (30.0, 12.0, 45.5, 45.0):
        count_active_seconds(session, assignment, seconds)
    assert assignment.active_seconds == 45.5
