"""`/projects/N/screening/demonstrations`: candidates' demonstrations, marked without a name on them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.projects.queries import project as project_numbered
from app.quality.screening.attempts import mark_demonstrations
from app.quality.screening.marks import BEST, WORST, unmarked_count, unmarked_in
from app.translation import gettext as _
from app.translation import ngettext
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.reading import html_of
from app.web.screening.pages import the_screening
from app.web.templating import page, redirect

router = APIRouter(prefix="/projects/{number}/screening/demonstrations")
RESEARCHERS = [allow(Role.RESEARCHER, Role.ADMIN)]
ON_A_PAGE = 10


class Marks(BaseModel):
    """By annotation; those left without a mark come again."""

    mark: dict[int, Annotated[int, Field(ge=WORST, le=BEST)]] = Field(default_factory=dict)


@router.get("", dependencies=RESEARCHERS)
def show(request: Request, session: SessionDep, number: int) -> Response:
    project = project_numbered(session, number)
    screening = the_screening(session, project)
    waiting = unmarked_in(session, screening, ON_A_PAGE)
    prompts = [message["content"] for each in waiting for message in each.prompt.messages]
    return page(
        request,
        "screening/demonstrations.html",
        project=project,
        screening=screening,
        waiting=waiting,
        count=unmarked_count(session, screening),
        html=html_of(session, [*prompts, *(each.text for each in waiting)]),
        marks=range(WORST, BEST + 1),
    )


@router.post("", dependencies=RESEARCHERS)
def mark(
    request: Request, session: SessionDep, user: CurrentUser, number: int, form: Annotated[Form[Marks], posted(Marks)]
) -> Response:
    screening = the_screening(session, project_numbered(session, number))
    if form.data is None:
        flash(request, _("A mark is a whole number from 1 to 7."), "error")
        return redirect(f"/projects/{number}/screening/demonstrations")
    settled = mark_demonstrations(session, screening, form.data.mark, user)
    kept = len(form.data.mark)
    flash(request, ngettext("{count} mark is kept.", "{count} marks are kept.", kept).format(count=kept))
    if settled:
        said = ngettext("{count} attempt is decided by them.", "{count} attempts are decided by them.", settled)
        flash(request, said.format(count=settled), "info")
    return redirect(f"/projects/{number}/screening/demonstrations")
