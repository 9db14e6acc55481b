"""`/reports`: what labelers found wrong with a project's prompts, and what was done about it."""

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.projects.queries import project as project_numbered
from app.prompts.models import Prompt
from app.prompts.queries import prompt as prompt_numbered
from app.prompts.reports import LONGEST_WARNING, report, report_count, reports_in, resolve_reports, warn_of
from app.tasks.queries import tasks_out
from app.tasks.service import withdraw_prompt
from app.translation import gettext as _
from app.translation import ngettext
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/reports")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
PAGE_SIZE = 50

PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]


class Warning(BaseModel):
    warning: str = Field(default="", max_length=LONGEST_WARNING)


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, project: int, number: PageNumber = 1) -> Response:
    chosen = project_numbered(session, project)
    reports = reports_in(session, chosen, number, PAGE_SIZE)
    return page(
        request,
        "reports/index.html",
        project=chosen,
        reports=reports,
        tasks_out=tasks_out(session, [each.prompt for each in reports]),
        number=number,
        pages=ceil(report_count(session, chosen) / PAGE_SIZE),
    )


@router.post("/{number}/resolve", dependencies=RESEARCHERS)
def resolve(request: Request, session: SessionDep, user: CurrentUser, number: int) -> Response:
    """All that was said of the same prompt is settled by one look at it."""
    prompt = _reported(session, number)
    count = resolve_reports(session, prompt, user)
    flash(request, ngettext("{count} report is settled.", "{count} reports are settled.", count).format(count=count))
    return _back(prompt)


@router.post("/{number}/warning", dependencies=RESEARCHERS)
def warn(
    request: Request, session: SessionDep, number: int, form: Annotated[Form[Warning], posted(Warning)]
) -> Response:
    prompt = _reported(session, number)
    if form.data is None:
        flash(request, " ".join(form.errors.values()), "error")
        return _back(prompt)
    warn_of(session, prompt, form.data.warning)
    if prompt.content_warning:
        flash(request, _("Its texts now stay blurred until a labeler asks for them."))
    else:
        flash(request, _("The warning was taken back."))
    return _back(prompt)


@router.post("/{number}/withdraw", dependencies=RESEARCHERS)
def withdraw(request: Request, session: SessionDep, number: int) -> Response:
    prompt = _reported(session, number)
    count = withdraw_prompt(session, prompt)
    said = ngettext("{count} task was set aside.", "{count} tasks were set aside.", count)
    flash(request, said.format(count=count))
    return _back(prompt)


def _reported(session: Session, number: int) -> Prompt:
    return prompt_numbered(session, report(session, number).prompt_id)


def _back(prompt: Prompt) -> Response:
    return redirect(f"/reports?project={prompt.project_id}")
