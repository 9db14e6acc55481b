"""`/checkpoints`: the models there are, where each comes from, and what becomes of their files."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app.accounts.models import Role
from app.checkpoints.files import archived, is_ours
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.queries import checkpoint as checkpoint_numbered
from app.checkpoints.queries import checkpoints, checkpoints_of, children
from app.checkpoints.registering import OUTSIDE, register_outside_model
from app.checkpoints.service import FilesDeleted, archive, bring_back, pin, unpin
from app.completions.queries import work_of
from app.errors import NotFound
from app.files.place import Files, parts_of
from app.projects.models import Project
from app.projects.queries import project as project_numbered
from app.projects.queries import projects
from app.rounds.dependants import NoFilesHere, delete_files, dependants_of, refusal
from app.rounds.lineage import lineage_of
from app.runs.queries import datasets_read_by, run_that_produced
from app.translation import gettext as _
from app.web.dependencies import SessionDep, allow
from app.web.filters import AddressFilters, Empty
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.lineage import drawn
from app.web.templating import page, redirect

router = APIRouter(prefix="/checkpoints")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ADMINS = [allow(Role.ADMIN)]


class Filters(AddressFilters):
    project: Annotated[int | None, Empty] = None
    kind: Annotated[CheckpointKind | None, Empty] = None
    pinned: bool = False
    archived: bool = False


class OutsideModel(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    kind: CheckpointKind
    location: str = Field(min_length=1, max_length=1000)
    parent: int | None = None


@router.get("", dependencies=RESEARCHERS)
def index(request: Request, session: SessionDep, filters: Annotated[Filters, Query()]) -> Response:
    chosen = project_numbered(session, filters.project) if filters.project is not None else None
    found = checkpoints(session, chosen, kind=filters.kind, pinned=filters.pinned, archived=filters.archived)
    every = projects(session)
    return page(
        request, "checkpoints/index.html", checkpoints=found, project=chosen, projects=every, filters=filters,
        kinds=list(CheckpointKind),
    )  # fmt: skip


@router.get("/new", dependencies=ADMINS)
def new(request: Request, session: SessionDep, project: int) -> Response:
    form = Form[OutsideModel].showing(kind=CheckpointKind.BASE)
    return _new_page(request, session, project_numbered(session, project), form)


@router.post("", dependencies=ADMINS)
def register(
    request: Request, session: SessionDep, project: int, form: Annotated[Form[OutsideModel], posted(OutsideModel)]
) -> Response:
    chosen = project_numbered(session, project)
    if told := form.data:
        with form.attempt(session, "location"):
            parent = checkpoint_numbered(session, told.parent) if told.parent is not None else None
            made = register_outside_model(session, chosen, told.kind, told.name, told.location, parent=parent)
            flash(request, _("{name} is registered.").format(name=made.name))
            return redirect(f"/checkpoints/{made.id}")
    return _new_page(request, session, chosen, form, 422)


def _new_page(
    request: Request, session: Session, project: Project, form: Form[OutsideModel], status: int = 200
) -> Response:
    parents = checkpoints_of(session, project)
    return page(request, "checkpoints/new.html", status, project=project, form=form, kinds=OUTSIDE, parents=parents)


@router.get("/{number}", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    checkpoint = checkpoint_numbered(session, number)
    run = run_that_produced(session, checkpoint)
    lineage = lineage_of(session, checkpoint)
    return page(
        request,
        "checkpoints/show.html",
        checkpoint=checkpoint,
        project=project_numbered(session, checkpoint.project_id),
        children=children(session, checkpoint),
        run=run,
        datasets=datasets_read_by(session, run) if run else [],
        work=work_of(session, checkpoint),
        lineage=lineage,
        drawing=drawn(lineage),
        is_here=is_ours(_files(request), checkpoint) and checkpoint.has_files,
    )


def _files(request: Request) -> Files:
    files: Files = request.app.state.settings.files
    return files


@router.get("/{number}/lineage.json", dependencies=RESEARCHERS)
def lineage_as_json(session: SessionDep, number: int) -> Response:
    return JSONResponse(lineage_of(session, checkpoint_numbered(session, number)).as_json())


@router.get("/{number}/download", dependencies=RESEARCHERS)
def download(request: Request, session: SessionDep, number: int) -> Response:
    """A tar archive, read as it is sent. Raises `FilesDeleted`, `NoFilesHere`, `NotFound`."""
    checkpoint = checkpoint_numbered(session, number)
    if checkpoint.files_deleted_at is not None:
        raise FilesDeleted(name=checkpoint.name)
    if not is_ours(_files(request), checkpoint):
        raise NoFilesHere(name=checkpoint.name)
    parts = parts_of(_files(request), str(checkpoint.location))
    if not parts:
        raise NotFound(what="file", number=checkpoint.location)
    name = f"checkpoint-{checkpoint.id}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.tar"',
        "Content-Encoding": "identity",  # weights do not get smaller, and compressing them would hold the server up
    }
    return StreamingResponse(archived(parts, name), media_type="application/x-tar", headers=headers)


@router.post("/{number}/pin", dependencies=ADMINS)
def pin_it(request: Request, session: SessionDep, number: int) -> Response:
    pin(session, checkpoint_numbered(session, number))
    flash(request, _("Pinned: its files will not be deleted."))
    return redirect(f"/checkpoints/{number}")


@router.post("/{number}/unpin", dependencies=ADMINS)
def unpin_it(request: Request, session: SessionDep, number: int) -> Response:
    unpin(checkpoint_numbered(session, number))
    flash(request, _("It is not pinned any more."))
    return redirect(f"/checkpoints/{number}")


@router.post("/{number}/archive", dependencies=ADMINS)
def archive_it(request: Request, session: SessionDep, number: int) -> Response:
    archive(checkpoint_numbered(session, number))
    flash(request, _("Archived: lists leave it out unless asked."))
    return redirect(f"/checkpoints/{number}")


@router.post("/{number}/bring-back", dependencies=ADMINS)
def bring_it_back(request: Request, session: SessionDep, number: int) -> Response:
    bring_back(checkpoint_numbered(session, number))
    flash(request, _("It is back in the lists."))
    return redirect(f"/checkpoints/{number}")


@router.get("/{number}/delete", dependencies=ADMINS)
def deleting(request: Request, session: SessionDep, number: int) -> Response:
    return _deleting_page(request, session, checkpoint_numbered(session, number))


def _deleting_page(request: Request, session: Session, checkpoint: Checkpoint) -> Response:
    found = dependants_of(session, checkpoint)
    refused = refusal(_files(request), checkpoint, found)
    return page(
        request, "checkpoints/delete.html", checkpoint=checkpoint, found=found,
        project=project_numbered(session, checkpoint.project_id), refused=refused.localized() if refused else None,
    )  # fmt: skip


@router.post("/{number}/delete", dependencies=ADMINS)
def delete(request: Request, session: SessionDep, number: int) -> Response:
    checkpoint = checkpoint_numbered(session, number)
    delete_files(session, _files(request), checkpoint)
    flash(request, _("The files of {name} are being deleted.").format(name=checkpoint.name))
    return redirect(f"/checkpoints/{number}")
