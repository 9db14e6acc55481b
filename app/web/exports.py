"""`/exports`: comparisons, evaluations, single ratings and skips as they are now, sent while they are read."""

import re
from collections.abc import Iterator
from datetime import date
from threading import BoundedSemaphore
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Session, sessionmaker
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.accounts.models import Cohort, Role
from app.campaigns.queries import campaigns_of
from app.datasets.filtering import LiveFilter, People
from app.datasets.live import LiveKind, live_chunks
from app.datasets.parquet_apart import parquet_made_apart
from app.errors import InvalidInput
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.web.dependencies import SessionDep, allow
from app.web.filters import Empty
from app.web.templating import page

router = APIRouter(prefix="/exports")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
MEDIA = {"jsonl": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

# Each holds a connection for as long as its reader takes, beyond those that `SESSIONS_AT_ONCE` leaves to pages.
SENT_AT_ONCE = BoundedSemaphore(2)


class Wanted(BaseModel):
    """As the form sends it: what was left empty means any."""

    model_config = ConfigDict(extra="forbid")

    project: int
    what: LiveKind = LiveKind.COMPARISONS
    format: Literal["jsonl", "parquet"] = "jsonl"
    people: People = "both"
    cohort: Annotated[Cohort | None, Empty] = None
    campaign: Annotated[int | None, Empty] = None
    since: Annotated[date | None, Empty] = None
    until: Annotated[date | None, Empty] = None

    def filter(self) -> LiveFilter:
        """Raises `InvalidInput`."""
        try:
            return LiveFilter(**self.model_dump(exclude={"project", "what", "format"}))
        except ValidationError as error:
            raise InvalidInput(reason=error.errors()[0]["msg"].removeprefix("Value error, ")) from error


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, project: int) -> Response:
    chosen = project_numbered(session, project)
    return page(request, "exports/index.html", project=chosen, campaigns=campaigns_of(session, chosen))


@router.get("/download", dependencies=RESEARCHERS)
def download(request: Request, session: SessionDep, wanted: Annotated[Wanted, Query()]) -> Response:
    """One file. It is sent as it is: compressing it for the way would take longer than most ways do."""
    project, chosen = project_numbered(session, wanted.project), wanted.filter()
    slug = re.sub(r"[^a-z0-9]+", "-", project.name.lower()).strip("-") or "project"
    headers = {
        "Content-Disposition": f'attachment; filename="{slug}-{wanted.what}.{wanted.format}"',
        "Content-Encoding": "identity",
    }
    chunks = _chunks(request.app.state.sessions, project, wanted, chosen)
    return StreamingResponse(chunks, media_type=MEDIA[wanted.format], headers=headers)


def _chunks(sessions: "sessionmaker[Session]", project: Project, wanted: Wanted, chosen: LiveFilter) -> Iterator[bytes]:
    """In a session of its own: the request's ends when the answer begins."""
    with SENT_AT_ONCE, sessions() as session:
        yield from _written(session, project, wanted, chosen)


def _written(session: Session, project: Project, wanted: Wanted, chosen: LiveFilter) -> Iterator[bytes]:
    lines = live_chunks(session, project, wanted.what, chosen)
    return lines if wanted.format == "jsonl" else parquet_made_apart(wanted.what, lines)
