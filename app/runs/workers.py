"""Workers as they are known to all: they say that they are there, and take their leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.clock import now
from app.runs.models import Run, RunState, Worker
from app.runs.needs import Capacity, offers

SILENT_AFTER = timedelta(seconds=30)  # they speak every five
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class WorkerView:
    """`run`: the one that it has in hand. `silent`: it has not been heard for a while."""

    worker: Worker
    run: Run | None
    silent: bool


def be_known(session: Session, name: str, **facts: Any) -> None:
    """A worker says that it is there, and how it is."""
    said = {**facts, "heartbeat_at": now()}
    statement = insert(Worker).values(name=name, **said)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=said))


def take_leave(session: Session, name: str) -> None:
    session.execute(delete(Worker).where(Worker.name == name))


def forget_the_silent(session: Session) -> None:
    """Those that were killed stay in sight for a day."""
    session.execute(delete(Worker).where(Worker.heartbeat_at < now() - FORGOTTEN_AFTER))


def workers(session: Session) -> list[WorkerView]:
    """Those that were heard of last come first."""
    query = (
        select(Worker, Run)
        .outerjoin(Run, (Run.worker == Worker.name) & (Run.state == RunState.RUNNING))
        .order_by(Worker.host, Worker.started_at)
    )
    oldest = now() - SILENT_AFTER
    return [WorkerView(worker, run, worker.heartbeat_at < oldest) for worker, run in session.execute(query)]


def waiting_runs(session: Session) -> Sequence[Run]:
    """The queue, in its order."""
    return session.scalars(select(Run).where(Run.state == RunState.QUEUED).order_by(Run.created_at, Run.id)).all()


def fitting_workers(session: Session, run: Run) -> list[Worker]:
    """Those that are there, in order, and could take it."""
    there = [each.worker for each in workers(session) if not each.silent and not each.worker.trouble]
    return [each for each in there if offers(capacity_of(each), run)]


def capacity_of(worker: Worker) -> Capacity:
    return Capacity(worker.gpus, worker.memory, worker.gpu_memory or 0, tuple(worker.labels))
