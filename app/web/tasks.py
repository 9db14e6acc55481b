"""`/tasks`: what there is to do, and the next task; for researchers, one task with all its answers."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.accounts.models import Role, User
from app.annotations.queries import answers_to, last_assignment, progress_by_campaign, today_of
from app.annotations.review.queries import came_back_to
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import frozen_form
from app.completions.queries import authors_of
from app.projects.guidelines import those_with_text
from app.projects.queries import rating_form
from app.projects.wording import in_readers_words
from app.prompts.models import Prompt
from app.quality.gold.mixing import begin_training
from app.quality.gold.offers import paused_in, with_checks
from app.quality.screening.standing import standings_of
from app.tasks.queries import offers_for, outputs_of, unfinished_of
from app.tasks.queries import task as task_numbered
from app.tasks.service import drop, put_back
from app.tasks.starting import GuidelinesUnread, start_next_task
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.desk.guidance import UNDO_OFFERED_FOR, undo_url
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.templating import page, redirect
from app.web.zones import midnight

router = APIRouter(prefix="/tasks")
LABELERS = [allow(Role.LABELER)]
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]


class Wish(BaseModel):
    campaign: int | None = None


@router.get("", dependencies=LABELERS)
def index(request: Request, session: SessionDep, user: CurrentUser) -> Response:
    standings = standings_of(session, user)
    screened = {part.campaign.id for standing in standings for part in standing.parts}
    offers = [offer for offer in offers_for(session, user) if offer.campaign.id not in screened]
    offers = with_checks(session, user, offers)
    return page(
        request,
        "tasks/index.html",
        offers=offers,
        paused=[campaign for campaign in paused_in(session, user) if campaign.id not in screened],
        standings=standings,
        guided=those_with_text(session, [offer.campaign.guidelines_id for offer in offers]),
        came_back=came_back_to(session, user),
        unfinished=unfinished_of(session, user),
        today=today_of(session, user, midnight(request)),
        progress=progress_by_campaign(session, user, [offer.campaign for offer in offers]),
        undo_url=undo_url(last_assignment(session, user, clock.now() - UNDO_OFFERED_FOR)),
    )


@router.post("/next", dependencies=LABELERS)
def claim(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[Wish], posted(Wish)]
) -> Response:
    return start(request, session, user, form.data.campaign if form.data else None)


def start(request: Request, session: Session, user: User, wished: int | None) -> Response:
    """To the next task of the campaign wished for, or of any; first to guidelines that are still to be read."""
    campaign = campaign_numbered(session, wished) if wished else None
    begin_training(session, user, campaign)
    try:
        begun = start_next_task(session, user, campaign)
    except GuidelinesUnread as unread:
        wish = f"?campaign={wished}" if wished else ""
        return redirect(f"/guidelines/{unread.guidelines.id}{wish}")
    if begun is None:
        flash(request, _("There is nothing to do for you right now. New tasks will show up here."), "info")
        return redirect("/tasks")
    if wished and task_numbered(session, begun.task_id).campaign_id != wished:
        flash(request, _("You had begun this task: finish or skip it first."), "info")
    return redirect(f"/assignments/{begun.id}")


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    task = task_numbered(session, number)
    campaign = campaign_numbered(session, task.campaign_id)
    prompt = session.get(Prompt, task.prompt_id) if task.prompt_id else None
    messages = prompt.messages if prompt else []
    outputs, answers = outputs_of(session, task), answers_to(session, task)
    written = [output.text or "" for output in outputs] + [answer.text or "" for answer in answers]
    html = html_of(session, [each["content"] for each in messages] + written)
    return page(
        request,
        "tasks/show.html",
        task=task,
        campaign=campaign,
        conversation=[(each["role"], html[each["content"]]) for each in messages],
        outputs=[(output.id, html[output.text or ""]) for output in outputs],
        authors=authors_of(session, outputs),
        answers=[(answer, html[answer.text or ""]) for answer in answers],
        form=in_readers_words(rating_form(frozen_form(session, campaign))) if campaign.form_version_id else None,
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
