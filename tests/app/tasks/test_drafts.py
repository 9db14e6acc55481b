"""Drafts between windows, and between a draft and a submission on their way at once."""

import pytest
from sqlalchemy.orm import Session

from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.tasks.drafts import DraftIsOlder, Window, count_active_seconds, keep_beside, save_draft
from app.tasks.models import Assignment
from tests.factories import make_assignment, make_labeler


@pytest.fixture
def assignment(session: Session) -> Assignment:
    return make_assignment(session, make_labeler(session))


def typed_in_draft(assignment: Assignment) -> dict[str, str]:
    return {name: value for name, value in (assignment.draft or {}).items() if not name.startswith("draft_")}


def test_a_draft_is_kept_with_its_version(session: Session, assignment: Assignment) -> None:
    assert save_draft(session, assignment, Window(0), {"rank[a]": "1"}) == 1
    assert save_draft(session, assignment, Window(1), {"rank[a]": "2"}) == 2
    assert typed_in_draft(assignment) == {"rank[a]": "2"}
    assert assignment.draft_saved_at is not None


@pytest.mark.parametrize("name", ["", "old"])
def test_the_older_of_two_windows_is_told(session: Session, assignment: Assignment, name: str) -> None:
    save_draft(session, assignment, Window(0, "new", 1), {"rank[a]": "1"})
    with pytest.raises(DraftIsOlder):
        save_draft(session, assignment, Window(0, name, 9), {"rank[a]": "4"})
    assert typed_in_draft(assignment) == {"rank[a]": "1"}


def test_a_window_whose_answer_was_lost_saves_again(session: Session, assignment: Assignment) -> None:
    save_draft(session, assignment, Window(0, "mine", 1), {"rank[a]": "1"})
    assert save_draft(session, assignment, Window(0, "mine", 2), {"rank[a]": "2"}) == 2
    assert typed_in_draft(assignment) == {"rank[a]": "2"}


def test_what_a_window_sent_earlier_and_arrives_later_overwrites_nothing(
    session: Session, assignment: Assignment
) -> None:
    save_draft(session, assignment, Window(0, "mine", 2), {"rank[a]": "2"})
    assert save_draft(session, assignment, Window(0, "mine", 1), {"rank[a]": "1"}) == 1
    assert typed_in_draft(assignment) == {"rank[a]": "2"}


def test_a_draft_that_arrives_after_the_submission_does_not_come_back(session: Session, assignment: Assignment) -> None:
    save_draft(session, assignment, Window(0, "mine", 1), {"rank[a]": "1"})
    submit_ranking(session, assignment, Judgement((1, 2, 3, 4), ({}, {}, {}, {})), Sent("one"))
    with pytest.raises(DraftIsOlder):
        save_draft(session, assignment, Window(1, "mine", 2), {"rank[a]": "2"})
    assert assignment.draft is None


def test_a_skip_leaves_what_was_typed(session: Session, assignment: Assignment) -> None:
    save_draft(session, assignment, Window(0, "mine", 1), {"rank[a]": "1"})
    skip(session, assignment, "unclear", Sent("one"))
    assert typed_in_draft(assignment) == {"rank[a]": "1"}
    with pytest.raises(DraftIsOlder):
        save_draft(session, assignment, Window(1, "mine", 2), {"rank[a]": "2"})


def test_what_cannot_be_submitted_is_kept_beside_nothing_else(session: Session, assignment: Assignment) -> None:
    submit_ranking(session, assignment, Judgement((1, 2, 3, 4), ({}, {}, {}, {})), Sent("one"))
    assert keep_beside(session, assignment, Window(0, "late", 1), {"rank[a]": "3"})
    assert not keep_beside(session, assignment, Window(0, "later", 1), {"rank[a]": "4"})
    assert typed_in_draft(assignment) == {"rank[a]": "3"}


def test_active_time_never_counts_down(session: Session, assignment: Assignment) -> None:
    for seconds in (30.0, 12.0, 45.5, 45.0):
        count_active_seconds(session, assignment, seconds)
    assert assignment.active_seconds == 45.5
