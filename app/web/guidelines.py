"""`/guidelines/N`: one version of a project's guidelines, read and acknowledged by those who work by it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role, User
from app.campaigns.queries import uses_guidelines
from app.errors import NotFound
from app.projects.guidelines import acknowledge, acknowledged_last, changed_lines, needs_acknowledging
from app.projects.guidelines import guidelines as guidelines_numbered
from app.projects.models import Guidelines
from app.projects.queries import project as project_numbered
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.tasks import start
from app.web.templating import page, redirect

router = APIRouter(prefix="/guidelines")
LABELERS = [allow(Role.LABELER)]


class Acknowledgement(BaseModel):
    """Where the reader was on the way to: an assignment that was begun, or the next task, of one campaign or any."""

    assignment: int | None = None
    campaign: int | None = None


@router.get("/{number}", dependencies=LABELERS)
def show(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    assignment: int | None = None,
    campaign: int | None = None,
) -> Response:
    guidelines = _of_own_work(session, user, number)
    earlier = acknowledged_last(session, guidelines, user)
    return page(
        request,
        "guidelines/show.html",
        guidelines=guidelines,
        project=project_numbered(session, guidelines.project_id),
        html=html_of(session, [guidelines.text])[guidelines.text],
        earlier=earlier,
        changes=changed_lines(earlier.text, guidelines.text) if earlier else [],
        unread=needs_acknowledging(session, guidelines, user),
        assignment=assignment,
        campaign=campaign,
    )


@router.post("/{number}", dependencies=LABELERS)
def acknowledge_them(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[Acknowledgement], posted(Acknowledgement)],
) -> Response:
    """And on to the work that they stood before."""
    acknowledge(session, _of_own_work(session, user, number), user)
    wanted = form.data or Acknowledgement()
    if wanted.assignment:
        return redirect(f"/assignments/{wanted.assignment}")
    return start(request, session, user, wanted.campaign)


def _of_own_work(session: Session, user: User, number: int) -> Guidelines:
    """Those of work that one is not admitted to are not there at all."""
    guidelines = guidelines_numbered(session, number)
    if not uses_guidelines(session, user, guidelines):
        raise NotFound(what="version of guidelines", number=number)
    return guidelines
