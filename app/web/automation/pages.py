"""`/projects/N/automation`: when rounds start by themselves, what holds them back now, and which ones did."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.automation.deciding import decide
from app.automation.models import Automation
from app.automation.queries import automation_of, started_by_themselves
from app.automation.schedule import cron_of, days_and_hour
from app.automation.service import Wanted, let_start_again, save_automation
from app.errors import NotFound
from app.files.place import Files
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.rounds.queries import round_by_id, rounds_of
from app.translation import gettext as _
from app.translation import state_in_words
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect
from app.web.zones import zone_name

router = APIRouter(prefix="/projects/{number}/automation", dependencies=[allow(Role.ADMIN)])
HOUR = 3  # suggested: few people work then


class AutomationForm(BaseModel):
    starts: bool = False
    rankings: int | None = Field(default=None, ge=1, le=100_000_000)
    days: list[int] = Field(default_factory=list, max_length=7)
    hour: int = Field(default=HOUR, ge=0, le=23)
    zone: str = Field(default="UTC", max_length=100)
    copied: int | None = None
    per_week: int = Field(default=2, ge=1, le=100)
    most_failures: int = Field(default=2, ge=1, le=20)

    @property
    def cron(self) -> str | None:
        return cron_of(self.days, self.hour) if self.days else None


@router.get("")
def show(request: Request, session: SessionDep, number: int) -> Response:
    project = project_numbered(session, number)
    return _shown(request, session, project, _form_of(request, automation_of(session, project)))


@router.post("")
def save(
    request: Request,
    session: SessionDep,
    admin: CurrentUser,
    number: int,
    form: Annotated[Form[AutomationForm], posted(AutomationForm)],
) -> Response:
    project = project_numbered(session, number)
    if typed := form.data:
        with form.attempt(session):
            save_automation(session, project, _wanted(session, typed), by=admin)
    if form.data is None:
        return _shown(request, session, project, form, 422)
    flash(request, _("It was saved."))
    return redirect(f"/projects/{number}/automation")


@router.post("/go-on")
def go_on(request: Request, session: SessionDep, number: int) -> Response:
    automation = automation_of(session, project_numbered(session, number))
    if automation is None:
        raise NotFound(what="project", number=number)
    let_start_again(session, automation)
    flash(request, _("Rounds may start by themselves again."))
    return redirect(f"/projects/{number}/automation")


def _wanted(session: Session, typed: AutomationForm) -> Wanted:
    return Wanted(
        starts=typed.starts,
        rankings=typed.rankings,
        cron=typed.cron,
        zone=typed.zone,
        copied=round_by_id(session, typed.copied) if typed.copied else None,
        per_week=typed.per_week,
        most_failures=typed.most_failures,
    )


def _form_of(request: Request, saved: Automation | None) -> Form[AutomationForm]:
    if saved is None:
        return Form.showing(hour=HOUR, zone=zone_name(request), per_week=2, most_failures=2)
    days, hour = days_and_hour(saved.cron) if saved.cron else ([], HOUR)
    return Form.showing(
        **{"starts": "1" if saved.starts else "", "days[]": days},
        rankings=saved.rankings,
        hour=hour,
        zone=saved.zone,
        copied=saved.copied_round_id,
        per_week=saved.per_week,
        most_failures=saved.most_failures,
    )


def _shown(
    request: Request, session: Session, project: Project, form: Form[AutomationForm], status: int = 200
) -> Response:
    """With what the next look would decide."""
    files: Files = request.app.state.settings.files
    saved = automation_of(session, project)
    rounds = [
        (str(each.id), _("Round {number} ({state})").format(number=each.number, state=state_in_words(each.state)))
        for each in rounds_of(session, project)
    ]
    return page(
        request,
        "automation/show.html",
        status,
        project=project,
        form=form,
        saved=saved,
        decision=decide(session, files, project, saved) if saved else None,
        rounds=[("", _("None")), *rounds],
        started=started_by_themselves(session, project),
    )
