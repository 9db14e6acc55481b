import pytest
from procrastinate.exceptions import TaskNotFound
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import jobs
from app.db import transaction
from tests.loops import awaited

done: list[tuple[str, str]] = []


@jobs.task(name="tests.note", pass_context=True)
def note(context, word):
    with jobs.engine_of(context).connect() as connection:
        done.append((word, connection.execute(text("SELECT current_database()")).scalar_one()))


def queued(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id")).all()


def test_a_job_is_done_with_the_database_at_hand(fresh_database):
    with transaction(fresh_database) as session:
        jobs.defer(session, "tests.note", word="hello")
    jobs.run_due_jobs(fresh_database)
    assert ("hello", fresh_database.url.database) in done
    assert ("tests.note", "todo") not in queued(fresh_database)


def test_jobs_are_done_beside_a_running_event_loop(fresh_database):
    async def beside_a_loop():
        jobs.run_due_jobs(fresh_database)

    with transaction(fresh_database) as session:
        jobs.defer(session, "tests.note", word="looped")
    awaited(beside_a_loop())
    assert ("looped", fresh_database.url.database) in done


def test_a_job_of_a_transaction_rolled_back_is_never_queued(fresh_database):
    with fresh_database.connect() as connection, Session(connection) as session:
        jobs.defer(session, "tests.note", word="never")
        session.rollback()
    assert queued(fresh_database) == []


def test_a_job_is_queued_inside_a_savepoint_too(session):
    with session.begin_nested():
        number = jobs.defer(session, "tests.note", word="nested")
    assert session.scalar(text("SELECT id FROM procrastinate_jobs WHERE task_name = 'tests.note'")) == number


def test_a_name_that_no_task_has_is_refused(session):
    with pytest.raises(TaskNotFound):
        jobs.defer(session, "tests.no_such_task")


def test_a_job_of_a_killed_worker_is_done_again(fresh_database):
    with transaction(fresh_database) as session:
        number = jobs.defer(session, "tests.note", word="stalled")
        killed = session.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id")
        ).scalar_one()
        session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE id = :job"),
            {"worker": killed, "job": number},
        )
        jobs.defer(session, "jobs.retry_stalled", timestamp=0)
    jobs.run_due_jobs(fresh_database)
    jobs.run_due_jobs(fresh_database)
    assert ("stalled", fresh_database.url.database) in done
