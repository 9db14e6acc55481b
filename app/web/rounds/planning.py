"""`/rounds/new`: a round planned, checked against what is there, and started; another one copied and changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.campaigns.models import CampaignKind
from app.campaigns.queries import campaigns_of
from app.checkpoints.models import CheckpointKind
from app.checkpoints.queries import checkpoints_of
from app.checkpoints.service import FilesDeleted
from app.files.place import Files
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.rounds.dry_run.dry_run import dry_run
from app.rounds.plan import steps_of
from app.rounds.queries import plan_of, round_by_id
from app.rounds.service import SAMPLED, WrongMix, WrongStart, check_checkpoints, start_round
from app.translation import gettext as _
from app.translation import state_in_words
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.rounds.plans import NewRound, Reading, empty_form, form_of, read_plan
from app.web.settings_forms import NO_PRESET, shown_stages
from app.web.templating import page, redirect
from trainer.presets import PRESETS

router = APIRouter(prefix="/rounds")
ADMINS = [allow(Role.ADMIN)]
STARTABLE_KINDS = (CheckpointKind.BASE, CheckpointKind.SFT, CheckpointKind.POLICY)
RANKED_IN = (CampaignKind.COMPARE, CampaignKind.RATE)
FIELD_OF: dict[type[Exception], str] = {
    WrongStart: "checkpoint",
    FilesDeleted: "checkpoint",
    WrongMix: "others[]",
}

Posted = Annotated[Form[NewRound], posted(NewRound)]


@router.get("/new", dependencies=ADMINS)
def new(
    request: Request,
    session: SessionDep,
    project: int = 0,
    copied: Annotated[int | None, Query(alias="from")] = None,
) -> Response:
    """An empty plan for a project, or the plan of the round `from`, to be changed and started in its project."""
    if copied is None:
        return _new_page(request, session, project_numbered(session, project), empty_form())
    earlier = round_by_id(session, copied)
    return _new_page(request, session, project_numbered(session, earlier.project_id), form_of(plan_of(earlier)))


@router.post("", dependencies=ADMINS)
def create(request: Request, session: SessionDep, user: CurrentUser, project: int, form: Posted) -> Response:
    """ "Look" answers with the same page; "start" starts where nothing is missing, or where that is meant."""
    chosen = project_numbered(session, project)
    if form.value("do") == "look":
        return _new_page(request, session, chosen, form)
    anyway = form.value("unready") == "1"
    reading = _checked(session, chosen, form)
    if reading.plan and (anyway or dry_run(session, _files(request), chosen, reading.plan).ready):
        with form.attempt(session):
            started = start_round(session, chosen, reading.plan, user)
            flash(request, _("Round {number} has started.").format(number=started.number))
            return redirect(f"/rounds/{started.id}")
    return _planning(request, session, chosen, form, reading, 422)


@router.post("/new/check", dependencies=ADMINS)
def check(request: Request, session: SessionDep, project: int, form: Posted) -> Response:
    """The part of the page that says what the plan finds."""
    chosen = project_numbered(session, project)
    reading = _checked(session, chosen, form)
    return page(request, "rounds/plan_check.html", form=form, **_found(request, session, chosen, reading))


@router.post("/new/settings", dependencies=ADMINS)
def settings(request: Request, session: SessionDep, project: int, form: Posted) -> Response:
    """The settings of the stages that run now, over the preset chosen now, with what was typed."""
    reading = _checked(session, project_numbered(session, project), form)
    return page(request, "rounds/plan_settings.html", form=form, **_stages(form, reading))


def _files(request: Request) -> Files:
    files: Files = request.app.state.settings.files
    return files


def _checked(session: Session, project: Project, form: Form[NewRound]) -> Reading:
    """What was typed, and whether its checkpoints are there."""
    reading = read_plan(form)
    if reading.plan is None:
        return reading
    try:
        check_checkpoints(session, project, reading.plan)
    except (WrongStart, WrongMix, FilesDeleted) as refused:
        form.refuse(FIELD_OF[type(refused)], refused.localized())
        return Reading(None, reading.used)
    return reading


def _new_page(request: Request, session: Session, project: Project, form: Form[NewRound]) -> Response:
    reading = _checked(session, project, form)
    return _planning(request, session, project, form, reading, 422 if form.errors else 200)


def _planning(
    request: Request, session: Session, project: Project, form: Form[NewRound], reading: Reading, status: int
) -> Response:
    models = [each for each in checkpoints_of(session, project) if each.kind in STARTABLE_KINDS and each.has_files]
    campaigns = campaigns_of(session, project)
    return page(
        request,
        "rounds/new.html",
        status,
        project=project,
        form=form,
        refused=status == 422 and not form.errors,
        checkpoints=[(str(each.id), f"{each.name} ({state_in_words(each.kind)})") for each in models],
        policies=[each for each in models if each.kind in SAMPLED],
        presets=[(NO_PRESET, _("The trainer's defaults")), *((name, name) for name in PRESETS)],
        demonstrated=[each for each in campaigns if each.kind is CampaignKind.DEMONSTRATE],
        ranked=[each for each in campaigns if each.kind in RANKED_IN],
        **_found(request, session, project, reading),
        **_stages(form, reading),
    )


def _stages(form: Form[NewRound], reading: Reading) -> dict[str, Any]:
    return {
        "stages": shown_stages(form, form.value("preset", NO_PRESET), reading.used, form.value("find")),
        "asks_for_workers": any(name.startswith("needs[") and form.value(name) for name in form.values),
    }


def _found(request: Request, session: Session, project: Project, reading: Reading) -> dict[str, Any]:
    """None where the plan cannot be read."""
    plan = reading.plan
    found = dry_run(session, _files(request), project, plan) if plan else None
    return {"found": found, "plan": plan, "steps": steps_of(plan) if plan else []}
