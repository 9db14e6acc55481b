"""One run: its settings and inputs, its curves and outputs while it runs, its end; and what people do with it."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.models import Role
from app.checkpoints.models import Checkpoint
from app.projects.queries import project as project_numbered
from app.rounds.queries import round_of_run
from app.runs.glimpses import glimpse_of
from app.runs.metrics import curves_of
from app.runs.models import Run, RunState
from app.runs.needs import Needs
from app.runs.pace import LOOKED_AT, pace_of
from app.runs.queries import inputs_of, latest_lines, numbers_in, produced_by, run_by_id
from app.runs.service import change_needs, request_cancel, request_pause, resume_run, retry_run
from app.runs.workers import fitting_workers
from app.translation import gettext as _
from app.web.curves import drawings, importance, in_order
from app.web.dependencies import SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/runs")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]


class NeededForm(BaseModel):
    """What the run asks of its worker."""

    gpu: bool = False
    memory: int | None = Field(default=None, ge=1)
    label: str | None = None


@router.get("/{number}", dependencies=WATCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    return _page(request, session, run_by_id(session, number))


def _page(request: Request, session: SessionDep, run: Run, form: Form[NeededForm] | None = None) -> Response:
    shown = form or Form[NeededForm].showing(
        **({"gpu": "1"} if run.needs_gpu else {}), memory=run.needs_memory or "", label=run.needs_label or ""
    )
    return page(
        request,
        "runs/show.html",
        422 if form else 200,
        **_state_of(session, run),
        round=round_of_run(session, run),
        project=project_numbered(session, run.project_id),
        inputs=[(each.setting, each.source, isinstance(each.source, Checkpoint)) for each in inputs_of(session, run)],
        drawings=drawings(curves_of(session, run)),
        glimpse=glimpse_of(session, run),
        form=shown,
        changeable=run.state not in (RunState.RUNNING, RunState.FINISHED),
    )


@router.get("/{number}/state", dependencies=WATCHERS)
def state(request: Request, session: SessionDep, number: int) -> Response:
    """The part of the page that changes with the run's state."""
    return page(request, "runs/state.html", **_state_of(session, run_by_id(session, number)))


def _state_of(session: SessionDep, run: Run) -> dict[str, Any]:
    lines = latest_lines(session, run, LOOKED_AT)
    numbers = numbers_in(lines[-1]) if lines else {}
    return {
        "run": run,
        "produced": produced_by(session, run),
        "metrics": {name: numbers[name] for name in sorted(numbers, key=importance)},
        "pace": pace_of(lines, run.progress) if run.state is RunState.RUNNING else None,
        "under_way": run.finished_at is None,
        "nobody_fits": run.state is RunState.QUEUED and not fitting_workers(session, run),
    }


@router.get("/{number}/metrics.json", dependencies=WATCHERS)
def metrics(session: SessionDep, number: int) -> Response:
    """What the curves are drawn from: the steps, and each number that the stage reports."""
    run = run_by_id(session, number)
    curves = curves_of(session, run)
    return JSONResponse({**asdict(curves), "series": in_order(curves)})


@router.post("/{number}/cancel", dependencies=ADMINS)
def cancel(request: Request, session: SessionDep, number: int) -> Response:
    request_cancel(session, run_by_id(session, number))
    flash(request, _("The run ends as soon as it has written a checkpoint."))
    return redirect(f"/runs/{number}")


@router.post("/{number}/pause", dependencies=ADMINS)
def pause(request: Request, session: SessionDep, number: int) -> Response:
    request_pause(session, run_by_id(session, number))
    flash(request, _("The run pauses as soon as it has written a checkpoint."))
    return redirect(f"/runs/{number}")


@router.post("/{number}/resume", dependencies=ADMINS)
def resume(request: Request, session: SessionDep, number: int) -> Response:
    resume_run(session, run_by_id(session, number))
    flash(request, _("The run is queued; it goes on from its last checkpoint."))
    return redirect(f"/runs/{number}")


@router.post("/{number}/retry", dependencies=ADMINS)
def retry(request: Request, session: SessionDep, number: int) -> Response:
    retry_run(session, run_by_id(session, number))
    flash(request, _("The run is queued again; it goes on from its last checkpoint."))
    return redirect(f"/runs/{number}")


@router.post("/{number}/needs", dependencies=ADMINS)
def needs(
    request: Request, session: SessionDep, number: int, form: Annotated[Form[NeededForm], posted(NeededForm)]
) -> Response:
    run = run_by_id(session, number)
    if form.data is None:
        return _page(request, session, run, form)
    change_needs(session, run, Needs(form.data.gpu, form.data.memory, form.data.label))
    flash(request, _("Only workers that have what the run needs take it now."))
    return redirect(f"/runs/{number}")
