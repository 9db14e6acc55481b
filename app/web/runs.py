"""One run: its settings and inputs, its curves, its end."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.models import Role
from app.checkpoints.models import Checkpoint
from app.projects.queries import project as project_numbered
from app.rounds.queries import round_of_run
from app.runs.metrics import curves_of
from app.runs.queries import inputs_of, latest_metrics, produced_by, run_by_id
from app.runs.service import request_cancel, retry_run
from app.translation import gettext as _
from app.web.dependencies import SessionDep, allow
from app.web.flashes import flash
from app.web.templating import page, redirect

router = APIRouter(prefix="/runs")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]


@router.get("/{number}", dependencies=WATCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    return page(request, "runs/show.html", **_shown(session, number))


@router.get("/{number}/state", dependencies=WATCHERS)
def state(request: Request, session: SessionDep, number: int) -> Response:
    """The part of the page that changes while the run runs."""
    return page(request, "runs/state.html", **_shown(session, number))


def _shown(session: SessionDep, number: int) -> dict[str, Any]:
    run = run_by_id(session, number)
    return {
        "run": run,
        "round": round_of_run(session, run),
        "project": project_numbered(session, run.project_id),
        "inputs": [
            (each.setting, each.source, isinstance(each.source, Checkpoint)) for each in inputs_of(session, run)
        ],
        "produced": produced_by(session, run),
        "metrics": latest_metrics(session, run),
        "under_way": run.finished_at is None,
    }


@router.get("/{number}/metrics.json", dependencies=WATCHERS)
def metrics(session: SessionDep, number: int) -> Response:
    """What the curves are drawn from: the steps, and each number that the stage reports."""
    run = run_by_id(session, number)
    curves = curves_of(session, run)
    return JSONResponse({"x": curves.steps, "series": curves.series, "finished": run.finished_at is not None})


@router.post("/{number}/cancel", dependencies=ADMINS)
def cancel(request: Request, session: SessionDep, number: int) -> Response:
    request_cancel(session, run_by_id(session, number))
    flash(request, _("The run ends as soon as it has written a checkpoint."))
    return redirect(f"/runs/{number}")


@router.post("/{number}/retry", dependencies=ADMINS)
def retry(request: Request, session: SessionDep, number: int) -> Response:
    retry_run(session, run_by_id(session, number))
    flash(request, _("The run is queued again; it goes on from its last checkpoint."))
    return redirect(f"/runs/{number}")
