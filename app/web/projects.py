"""`/projects`: what a project holds, its guidelines, and its rating form."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.campaigns.queries import campaigns_of
from app.checkpoints.queries import checkpoints_of
from app.datasets.queries import datasets
from app.projects.queries import current_form, current_guidelines, guidelines_versions, projects, rating_form
from app.projects.queries import project as project_numbered
from app.projects.ready_made import NAMES, READY_MADE
from app.projects.service import create_project, publish_guidelines
from app.prompts.queries import counts_by_project, counts_by_split
from app.prompts.reports import open_report_count
from app.rounds.queries import rounds_of
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.rendering import render_untrusted
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
LONGEST_GUIDELINES = 200_000


class NewProject(BaseModel):
    name: str = Field(max_length=100)
    form: str = "instruct_gpt"
    default_k: int = Field(default=4, ge=2, le=9)
    default_overlap: int = Field(default=1, ge=1, le=20)


class GuidelinesText(BaseModel):
    text: str = Field(default="", max_length=LONGEST_GUIDELINES)
    do: Literal["preview", "publish"] = "preview"


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep) -> Response:
    return page(request, "projects/index.html", projects=projects(session), prompts=counts_by_project(session))


@router.get("/new", dependencies=RESEARCHERS)
def new(request: Request) -> Response:
    return _new_page(request, Form[NewProject].showing())


@router.post("", dependencies=RESEARCHERS)
def create(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[NewProject], posted(NewProject)]
) -> Response:
    if (wanted := form.data) and wanted.form not in READY_MADE:
        form.refuse("form", _("There is no such form."))
    if wanted := form.data:
        with form.attempt(session, "name"):
            project = create_project(
                session,
                wanted.name,
                author=user,
                form=READY_MADE[wanted.form],
                default_k=wanted.default_k,
                default_overlap=wanted.default_overlap,
            )
    if form.data is None:
        return _new_page(request, form, 422)
    return redirect(f"/projects/{project.id}")


def _new_page(request: Request, form: Form[NewProject], status: int = 200) -> Response:
    return page(request, "projects/new.html", status, form=form, forms=list(NAMES.items()))


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    project = project_numbered(session, number)
    return page(
        request,
        "projects/show.html",
        project=project,
        splits=counts_by_split(session, project),
        campaigns=campaigns_of(session, project),
        datasets=datasets(session, project),
        checkpoints=checkpoints_of(session, project),
        rounds=rounds_of(session, project),
        reports=open_report_count(session, project),
        guidelines=render_untrusted(current_guidelines(session, project).text),
        form=rating_form(current_form(session, project)),
    )


@router.get("/{number}/guidelines", dependencies=RESEARCHERS)
def guidelines(request: Request, session: SessionDep, number: int, version: int | None = None) -> Response:
    """The newest to edit, or an older one to start again from."""
    project = project_numbered(session, number)
    versions = guidelines_versions(session, project)
    chosen = next((each for each in versions if each.version == version), versions[0])
    return page(
        request,
        "projects/guidelines.html",
        project=project,
        versions=versions,
        form=Form[GuidelinesText].showing(text=chosen.text),
        preview=render_untrusted(chosen.text),
    )


@router.post("/{number}/guidelines", dependencies=RESEARCHERS)
def save_guidelines(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[GuidelinesText], posted(GuidelinesText)],
) -> Response:
    project = project_numbered(session, number)
    if form.data and form.data.do == "publish":
        published = publish_guidelines(session, project, form.data.text, author=user)
        flash(request, _("Version {number} is published.").format(number=published.version))
        return redirect(f"/projects/{number}/guidelines")
    return page(
        request,
        "projects/guidelines.html",
        200 if form.data else 422,
        project=project,
        versions=guidelines_versions(session, project),
        form=form,
        preview=render_untrusted(form.value("text")),
    )
