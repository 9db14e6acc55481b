"""What a run wrote last: a few outputs and the end of its log, for pages that watch it."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.clock import now
from app.runs.models import Run, RunGlimpse
from app.runs.service import Claim
from app.runs.telling import Kind, tell


def keep_glimpse(session: Session, claim: Claim, outputs: list[dict[str, Any]], log: str) -> None:
    """In place of the one before."""
    seen = {"outputs": outputs, "log": log, "at": now()}
    statement = insert(RunGlimpse).values(run_id=claim.run_id, **seen)
    session.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=seen))
    tell(session, claim.run_id, claim.project_id, Kind.GLIMPSE)


def glimpse_of(session: Session, run: Run) -> RunGlimpse | None:
    return session.get(RunGlimpse, run.id)
