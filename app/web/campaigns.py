"""`/campaigns`: plan one from a project's prompts, open and close it, and see how far it is."""

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Cohort, Role, User
from app.accounts.queries import user_with
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import campaign as campaign_numbered
from app.campaigns.queries import campaigns, members
from app.campaigns.service import close_campaign, create_campaign, open_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.queries import checkpoints_of
from app.errors import DomainError, message
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.prompts.models import Split
from app.quality.agreement import pairwise_agreement
from app.quality.membership import admit, admit_cohort, pause
from app.quality.progress import progress_of, shares_in
from app.tasks.choosing import random_groups, random_prompts
from app.tasks.queries import set_aside_tasks, task_count, tasks_in
from app.tasks.service import add_compare_tasks, add_demonstrate_tasks, add_rate_tasks
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/campaigns")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
TASKS_PER_PAGE = 100

PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]


class NothingToDo(DomainError):
    sentence = message(
        "The project has no prompts, or none with that many outputs by the models ticked. "
        "Import some, tick more models, or ask for fewer outputs."
    )


class NewCampaign(BaseModel):
    name: str = Field(max_length=200)
    kind: CampaignKind
    cohort: Cohort = Cohort.TRAINING
    overlap: int = Field(default=1, ge=1, le=20)
    priority: int = Field(default=0, ge=-1000, le=1000)
    lease_minutes: int = Field(default=60, ge=1, le=1440)
    split: Split | None = None
    prompts: int = Field(default=100, ge=1, le=100_000)
    outputs: int = Field(default=4, ge=2, le=9)
    checkpoints: list[int] = Field(default_factory=list)


class Person(BaseModel):
    user: int


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep) -> Response:
    return page(request, "campaigns/index.html", campaigns=campaigns(session), projects=projects(session))


@router.get("/new", dependencies=RESEARCHERS)
def new(request: Request, session: SessionDep, project: int) -> Response:
    chosen = project_numbered(session, project)
    form = Form[NewCampaign].showing(overlap=chosen.default_overlap, outputs=chosen.default_k)
    return _new_page(request, session, chosen, form)


@router.post("", dependencies=RESEARCHERS)
def create(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    project: int,
    form: Annotated[Form[NewCampaign], posted(NewCampaign)],
) -> Response:
    chosen = project_numbered(session, project)
    if form.data:
        with form.attempt(session, "name"):
            campaign = _plan(session, chosen, form.data, user)
    if form.data is None:
        return _new_page(request, session, chosen, form, status=422)
    return redirect(f"/campaigns/{campaign.id}")


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    campaign = campaign_numbered(session, number)
    return page(
        request,
        "campaigns/show.html",
        campaign=campaign,
        project=project_numbered(session, campaign.project_id),
        progress=progress_of(session, campaign),
        shares=shares_in(session, campaign),
        members=members(session, campaign),
        agreement=pairwise_agreement(session, campaign),
        set_aside=set_aside_tasks(session, campaign),
    )


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
        admit(session, campaign_numbered(session, number), user_with(session, form.data.user))
    return redirect(f"/campaigns/{number}")


def _plan(session: Session, project: Project, plan: NewCampaign, user: User) -> Campaign:
    """A draft with its tasks. Raises `NothingToDo` and what the services raise."""
    campaign = create_campaign(
        session,
        project,
        plan.name,
        plan.kind,
        overlap=plan.overlap,
        cohort=Cohort.HELD_OUT if plan.kind is CampaignKind.EVALUATE else plan.cohort,
        priority=plan.priority,
        lease_minutes=plan.lease_minutes,
        created_by=user,
    )
    if not _fill(session, project, campaign, plan):
        raise NothingToDo
    return campaign


def _fill(session: Session, project: Project, campaign: Campaign, plan: NewCampaign) -> int:
    """How many tasks the plan gave the campaign."""
    if campaign.kind is CampaignKind.DEMONSTRATE:
        prompts = random_prompts(session, project, plan.split, plan.prompts)
        return len(add_demonstrate_tasks(session, campaign, prompts))
    chosen = [each for each in _authors(session, project) if each.id in plan.checkpoints]
    k = 1 if campaign.kind is CampaignKind.RATE else plan.outputs
    groups = random_groups(session, project, plan.split, chosen, number=plan.prompts, k=k)
    if campaign.kind is CampaignKind.RATE:
        return len(add_rate_tasks(session, campaign, [(prompt, output) for prompt, (output,) in groups]))
    return len(add_compare_tasks(session, campaign, groups))


def _authors(session: Session, project: Project) -> list[Checkpoint]:
    """The models that may have written outputs."""
    return [each for each in checkpoints_of(session, project) if each.kind is not CheckpointKind.REWARD]


def _new_page(
    request: Request, session: Session, project: Project, form: Form[NewCampaign], status: int = 200
) -> Response:
    return page(
        request,
        "campaigns/new.html",
        status,
        project=project,
        form=form,
        checkpoints=_authors(session, project),
    )
