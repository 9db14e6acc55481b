"""Rounds: watch one, cancel it, go on after a failure."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.rounds.models import ApprovalState, RoundApproval
from app.rounds.queries import StepView, plan_of, round_by_id, rounds, step_views
from app.rounds.report.win_rate import round_win_rate
from app.rounds.service import cancel_round, resume_round
from app.runs.metrics import curves_of
from app.translation import gettext as _
from app.web.curves import main_drawings
from app.web.dependencies import SessionDep, allow
from app.web.flashes import flash
from app.web.rounds.graph import graph_of
from app.web.templating import page, redirect

router = APIRouter(prefix="/rounds")
WATCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]


@router.get("", dependencies=WATCHERS)
def index(request: Request, session: SessionDep) -> Response:
    return page(request, "rounds/index.html", rounds=rounds(session), projects=projects(session))


@router.get("/{number}", dependencies=WATCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    shown = _shown(request, session, number)
    watched = watched_step(shown["steps"])
    drawn = main_drawings(curves_of(session, watched.run)) if watched and watched.run else []
    return page(request, "rounds/show.html", **shown, watched=watched, drawings=drawn)


@router.get("/{number}/steps", dependencies=WATCHERS)
def steps(request: Request, session: SessionDep, number: int) -> Response:
    """The part of the page that changes while the round runs."""
    return page(request, "rounds/steps.html", **_shown(request, session, number))


def _shown(request: Request, session: Session, number: int) -> dict[str, Any]:
    found = round_by_id(session, number)
    views = step_views(session, found)
    return {
        "round": found,
        "plan": plan_of(found),
        "project": project_numbered(session, found.project_id),
        "steps": views,
        "drawing": graph_of(views),
        "win_rate": round_win_rate(session, request.app.state.settings.files, found),
        "under_way": found.finished_at is None,
        "asking": _approval(views, ApprovalState.ASKED),
        "rejected": _approval(views, ApprovalState.REJECTED),
    }


def _approval(views: Sequence[StepView], state: ApprovalState) -> RoundApproval | None:
    return next((view.approval for view in views if view.approval and view.approval.state is state), None)


def watched_step(views: Sequence[StepView]) -> StepView | None:
    """Whose curves the page shows: the run that is under way, else the last one that measured anything."""
    begun = [view for view in views if view.run and (view.metrics or view.state == "running")]
    return next((view for view in begun if view.state == "running"), begun[-1] if begun else None)


@router.post("/{number}/cancel", dependencies=ADMINS)
def cancel(request: Request, session: SessionDep, number: int) -> Response:
    cancel_round(session, round_by_id(session, number))
    flash(request, _("The round is being cancelled. What it made so far is kept."))
    return redirect(f"/rounds/{number}")


@router.post("/{number}/resume", dependencies=ADMINS)
def resume(request: Request, session: SessionDep, number: int) -> Response:
    resume_round(session, round_by_id(session, number))
    flash(request, _("The round goes on from where it stopped."))
    return redirect(f"/rounds/{number}")
