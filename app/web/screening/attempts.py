"""`/qualifications`: a labeler's own way through a project's screening."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.errors import DomainError
from app.quality.screening.attempts import COMFORT, assess_oneself, begin_attempt
from app.quality.screening.models import AttemptState
from app.quality.screening.queries import attempt_of, screening_numbered
from app.quality.screening.standing import standing_of
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/qualifications")
LABELERS = [allow(Role.LABELER)]


class Beginning(BaseModel):
    screening: int


class Assessment(BaseModel):
    """By the topic's place in the list."""

    comfort: dict[int, Annotated[int, Field(ge=COMFORT[0], le=COMFORT[-1])]] = Field(default_factory=dict)


@router.post("", dependencies=LABELERS)
def begin(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[Beginning], posted(Beginning)]
) -> Response:
    if form.data is None:
        return redirect("/tasks")
    try:
        with session.begin_nested():
            attempt = begin_attempt(session, screening_numbered(session, form.data.screening), user)
    except DomainError as refused:
        flash(request, refused.localized(), "info")
        return redirect("/tasks")
    return redirect(f"/qualifications/{attempt.id}")


@router.get("/{number}", dependencies=LABELERS)
def show(request: Request, session: SessionDep, user: CurrentUser, number: int) -> Response:
    standing = standing_of(session, user, attempt_of(session, user, number))
    return page(request, "screening/attempt.html", standing=standing, comfort=COMFORT)


@router.post("/{number}/self-assessment", dependencies=LABELERS)
def assess(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    number: int,
    form: Annotated[Form[Assessment], posted(Assessment)],
) -> Response:
    attempt = attempt_of(session, user, number)
    topics = standing_of(session, user, attempt).screening.topics
    typed = form.data.comfort if form.data else {}
    said = {topics[place]: comfort for place, comfort in typed.items() if 0 <= place < len(topics)}
    try:
        with session.begin_nested():
            assess_oneself(session, attempt, said)
    except DomainError as refused:
        flash(request, refused.localized(), "error")
    else:
        flash(request, _("Thank you. Only administrators see this."))
    over = attempt.state is not AttemptState.IN_PROGRESS
    return redirect(f"/qualifications/{number}" + ("" if over else "#self-assessment"))
