"""What is told of runs as it happens, over PostgreSQL's NOTIFY, to whoever listens: idle workers and open pages.

Nobody relies on being told: workers look at the queue now and then, and pages read everything when they open.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Text, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import literal

from app.runs.models import Run

NEW_RUN = "rondo_new_run"  # the channel that wakes idle workers
RUNS = "rondo_runs"  # the channel that open pages follow
LONGEST = 7_900  # bytes; PostgreSQL takes less than 8,000
MOST_LINES = 200  # told one by one; after more than that it is quicker to read them all again


class Kind(StrEnum):
    LINE = "line"  # one line of metrics
    STALE = "stale"  # more has happened than can be told: read the numbers again
    PACE = "pace"  # how far and how fast
    GLIMPSE = "glimpse"  # there are new outputs or a new end of the log
    STATE = "state"  # queued, taken, paused, ended


def wake_workers(session: Session) -> None:
    session.execute(text(f"NOTIFY {NEW_RUN}"))


def tell_state(session: Session, run: Run) -> None:
    tell(session, run.id, run.project_id, Kind.STATE)


def tell(session: Session, run: int, project: int, kind: Kind, facts: Sequence[Mapping[str, Any]] = ({},)) -> None:
    """When the transaction commits, one notification for each of `facts`, in their order."""
    payloads = [json.dumps({"run": run, "project": project, "kind": kind, "facts": dict(each)}) for each in facts]
    if len(payloads) > MOST_LINES or any(len(each) > LONGEST for each in payloads):
        tell(session, run, project, Kind.STALE)
        return
    told = func.unnest(literal(payloads, ARRAY(Text))).column_valued("payload")
    session.execute(select(func.pg_notify(RUNS, told)))
