"""What the benchmark counts is counted right: it would see a task with too many answers, and how much is done."""

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.db import transaction
from app.tasks.models import Assignment, AssignmentState, Task
from tests.benchmarks.load.claims import claim_milliseconds, finish
from tests.benchmarks.load.counting import counted, over_collected
from tests.factories import make_assignment, make_labeler, make_open_campaign

RANKING = Judgement((1, 2, 2, 3), ({}, {}, {}, {}))


def _answered(session: Session) -> Assignment:
    """A task that asked for one answer and has it."""
    labeler = make_labeler(session)
    assignment = make_assignment(session, labeler)
    submit_ranking(session, assignment, RANKING, Sent("key"))
    return assignment


def _lease_behind_the_back(session: Session, other: Assignment) -> Assignment:
    """One that no claim would have given: the task has no slot left."""
    lease = Assignment(
        task_id=other.task_id,
        labeler_id=make_labeler(session).id,
        shown_order=other.shown_order,
        deadline=other.deadline,
    )
    session.add(lease)
    session.flush()
    session.refresh(lease)
    return lease


def test_a_task_with_more_answers_than_it_asked_for_is_counted(session: Session) -> None:
    assignment = _answered(session)
    assert over_collected(session.connection()) == 0
    submit_ranking(session, _lease_behind_the_back(session, assignment), RANKING, Sent("key"))
    assert over_collected(session.connection()) == 1


def test_an_answer_that_came_too_late_is_counted_apart(session: Session) -> None:
    late = _lease_behind_the_back(session, _answered(session))
    late.state = AssignmentState.EXPIRED
    session.flush()
    submit_ranking(session, late, RANKING, Sent("key"))
    found = counted(session.connection())
    assert (found.annotations, found.surplus, found.ranked) == (1, 1, 8)
    assert over_collected(session.connection()) == 0


def test_a_campaign_is_brought_to_any_share_of_done_and_claims_leave_nothing_behind(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        for _ in range(2):
            make_labeler(session)
        campaign = make_open_campaign(session, tasks=10, overlap=2).id
    finish(fresh_database, campaign, 0.5)
    assert claim_milliseconds(fresh_database, campaign) > 0
    finish(fresh_database, campaign, 0.8)
    with Session(fresh_database) as session:
        assert session.scalar(select(func.count()).where(Task.remaining == 0)) == 8
        assert session.scalar(select(func.count()).select_from(Assignment)) == 16
