"""Leases expire by themselves."""

from datetime import timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app import clock, jobs
from app.db import transaction
from app.tasks.models import Assignment, AssignmentState, Task
from app.worker import working
from tests.factories import make_assignment, make_labeler


def test_the_worker_returns_expired_leases(fresh_database: Engine) -> None:
    assert working  # declares the job, as `rondo worker` does
    with transaction(fresh_database) as session:
        assignment = make_assignment(session, make_labeler(session))
        assignment.deadline = clock.now() - timedelta(seconds=1)
        jobs.defer(session, "tasks.return_expired_leases", timestamp=0)
    jobs.run_due_jobs(fresh_database)
    with Session(fresh_database) as session:
        assert session.scalars(select(Assignment.state)).one() is AssignmentState.EXPIRED
        assert session.scalars(select(Task.remaining)).one() == 1
