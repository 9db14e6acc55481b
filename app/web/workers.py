"""`/workers`: who takes runs, on which machines, and what waits for one that fits."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.runs.workers import fitting_workers, waiting_runs, workers
from app.web.dependencies import SessionDep, allow
from app.web.templating import page

router = APIRouter(prefix="/workers")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


@router.get("", dependencies=WATCHERS)
def index(request: Request, session: SessionDep) -> Response:
    return page(request, "workers/index.html", **_shown(session))


@router.get("/table", dependencies=WATCHERS)
def table(request: Request, session: SessionDep) -> Response:
    """The part of the page that changes."""
    return page(request, "workers/table.html", **_shown(session))


def _shown(session: SessionDep) -> dict[str, Any]:
    return {
        "workers": workers(session),
        "waiting": [(run, fitting_workers(session, run)) for run in waiting_runs(session)],
    }
