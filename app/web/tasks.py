"""`/tasks`: what there is to do, and the next task; for researchers, one task with all its answers."""

from gettext import gettext as _
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.annotations.queries import answers_to, today_of
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import frozen_form
from app.completions.queries import authors_of
from app.projects.queries import rating_form
from app.prompts.models import Prompt
from app.tasks.leasing import claim_next_task
from app.tasks.queries import offers_for, outputs_of, unfinished_of
from app.tasks.queries import task as task_numbered
from app.tasks.service import drop, put_back
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.desk_view import midnight, rendered
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/tasks")
LABELERS = [allow(Role.LABELER)]
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


class Wish(BaseModel):
    campaign: int | None = None


@router.get("", dependencies=LABELERS)
def index(request: Request, session: SessionDep, user: CurrentUser) -> Response:
    return page(
        request,
        "tasks/index.html",
        offers=offers_for(session, user),
        unfinished=unfinished_of(session, user),
        today=today_of(session, user, midnight()),
    )


@router.post("/next", dependencies=LABELERS)
def claim(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[Wish], posted(Wish)]
) -> Response:
    wished = form.data.campaign if form.data else None
    claimed = claim_next_task(session, user, campaign_numbered(session, wished) if wished else None)
    if claimed is None:
        flash(request, _("There is nothing to do for you right now. New tasks will show up here."), "info")
        return redirect("/tasks")
    if wished and task_numbered(session, claimed.task_id).campaign_id != wished:
        flash(request, _("You had begun this task: finish or skip it first."), "info")
    return redirect(f"/assignments/{claimed.id}")


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    task = task_numbered(session, number)
    campaign = campaign_numbered(session, task.campaign_id)
    prompt = session.get(Prompt, task.prompt_id)
    outputs = outputs_of(session, task)
    return page(
        request,
        "tasks/show.html",
        task=task,
        campaign=campaign,
        conversation=[(each["role"], rendered(each["content"])) for each in (prompt.messages if prompt else [])],
        outputs=[(output.id, rendered(output.text or "")) for output in outputs],
        authors=authors_of(session, outputs),
        answers=[(answer, rendered(answer.text or "")) for answer in answers_to(session, task)],
        form=rating_form(frozen_form(session, campaign)) if campaign.form_version_id else None,
    )


@router.post("/{number}/put-back", dependencies=RESEARCHERS)
def put_task_back(request: Request, session: SessionDep, number: int) -> Response:
    task = task_numbered(session, number)
    put_back(session, task)
    flash(request, _("Task {number} will be handed out again.").format(number=number))
    return redirect(f"/campaigns/{task.campaign_id}")


@router.post("/{number}/drop", dependencies=RESEARCHERS)
def drop_task(request: Request, session: SessionDep, number: int) -> Response:
    task = task_numbered(session, number)
    drop(session, task)
    flash(request, _("Task {number} asks for no more answers.").format(number=number))
    return redirect(f"/campaigns/{task.campaign_id}")
