"""`/campaigns`: all of them or a project's, opened and closed, and how far each one is."""

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.accounts.queries import user_with
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import campaigns, frozen_form, members, rule_of
from app.campaigns.service import close_campaign, open_campaign
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.projects.ready_made import NAMES
from app.quality.agreement.pairwise import pairwise_agreement
from app.quality.membership import admit, admit_cohort, pause
from app.quality.progress import progress_of, shares_in
from app.quality.screening.queries import part_of_campaign
from app.quality.watching.noticing import begin_anew
from app.rounds.attacks import answerings, attacks_in, models_that_answer
from app.tasks.queries import set_aside_tasks, task_count, tasks_in
from app.translation import gettext as _
from app.web.dependencies import SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/campaigns")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
TASKS_PER_PAGE = 100
NEWEST_TASKS = 2000  # agreement is over these

PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]


class Person(BaseModel):
    user: int


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, project: int | None = None) -> Response:
    chosen = project_numbered(session, project) if project is not None else None
    return page(
        request,
        "campaigns/index.html",
        campaigns=campaigns(session, chosen),
        project=chosen,
        projects=[chosen] if chosen else projects(session),
    )


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    campaign = campaign_numbered(session, number)
    shares = shares_in(session, campaign)
    return page(
        request,
        "campaigns/show.html",
        campaign=campaign,
        project=project_numbered(session, campaign.project_id),
        screening=part_of_campaign(session, campaign),
        progress=progress_of(session, campaign, shares),
        shares=shares,
        members=members(session, campaign),
        agreement=pairwise_agreement(session, campaign, NEWEST_TASKS),
        newest=NEWEST_TASKS,
        set_aside=set_aside_tasks(session, campaign),
        rule=rule_of(session, campaign),
        form_name=_form_name(session, campaign),
        red_team=_red_team(session, campaign) if campaign.kind is CampaignKind.RED_TEAM else None,
    )


def _red_team(session: Session, campaign: Campaign) -> dict[str, object]:
    """What has become of a campaign's attacks, and which models may answer them."""
    return {
        "attacks": attacks_in(session, campaign),
        "models": models_that_answer(session, project_numbered(session, campaign.project_id)),
        "answerings": answerings(session, campaign),
    }


def _form_name(session: Session, campaign: Campaign) -> str:
    if campaign.form_version_id is None:
        return _("The project's own, as it stands when the campaign opens")
    form = frozen_form(session, campaign)
    return NAMES.get(form.ready_made or "") or _("Version {number}").format(number=form.version)


@router.get("/{number}/tasks", dependencies=RESEARCHERS)
def show_tasks(request: Request, session: SessionDep, number: int, page_number: PageNumber = 1) -> Response:
    campaign = campaign_numbered(session, number)
    return page(
        request,
        "campaigns/tasks.html",
        campaign=campaign,
        tasks=tasks_in(session, campaign, page_number, TASKS_PER_PAGE),
        number=page_number,
        pages=ceil(task_count(session, campaign) / TASKS_PER_PAGE),
    )


@router.post("/{number}/open", dependencies=RESEARCHERS)
def open_it(request: Request, session: SessionDep, number: int) -> Response:
    campaign = campaign_numbered(session, number)
    open_campaign(session, campaign)
    admitted = admit_cohort(session, campaign)
    flash(request, _("The campaign is open; {count} labelers were admitted.").format(count=admitted))
    return redirect(f"/campaigns/{number}")


@router.post("/{number}/close", dependencies=RESEARCHERS)
def close_it(request: Request, session: SessionDep, number: int) -> Response:
    close_campaign(session, campaign_numbered(session, number))
    flash(request, _("The campaign is closed. What labelers have on their desks may still be submitted."))
    return redirect(f"/campaigns/{number}")


@router.post("/{number}/admit", dependencies=RESEARCHERS)
def admit_labelers(request: Request, session: SessionDep, number: int) -> Response:
    admitted = admit_cohort(session, campaign_numbered(session, number))
    flash(request, _("{count} labelers were admitted.").format(count=admitted))
    return redirect(f"/campaigns/{number}")


@router.post("/{number}/pause", dependencies=RESEARCHERS)
def pause_labeler(session: SessionDep, number: int, form: Annotated[Form[Person], posted(Person)]) -> Response:
    if form.data:
        pause(session, campaign_numbered(session, number), user_with(session, form.data.user))
    return redirect(f"/campaigns/{number}")


@router.post("/{number}/resume", dependencies=RESEARCHERS)
def resume_labeler(session: SessionDep, number: int, form: Annotated[Form[Person], posted(Person)]) -> Response:
    if form.data:
        campaign, labeler = campaign_numbered(session, number), user_with(session, form.data.user)
        admit(session, campaign, labeler)
        begin_anew(session, campaign, labeler)
    return redirect(f"/campaigns/{number}")
