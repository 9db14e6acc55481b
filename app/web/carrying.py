"""What somebody posted from the desk after their sign-in had ended: carried through the sign-in page, and put back.

It travels in that page, so nothing is stored for strangers. It is taken only from a page of our own, and put back as a
draft on an assignment of whoever signs in: never submitted, and never over what another window saved.
"""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import FastAPI
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import User
from app.accounts.sessions import user_of_session
from app.errors import NotFound
from app.tasks.drafts import Window, keep_beside
from app.tasks.queries import assignment_of
from app.translation import gettext as _
from app.web.cookies import read_cookie
from app.web.desk.submitting import judged_fields
from app.web.errors import SignInNeeded, forged_request, sign_in_needed, wants_json
from app.web.flashes import flash
from app.web.forms import Form, read_form
from app.web.security import LONGEST_CARRIED, ForgedRequest, form_in_time
from app.web.templating import page, redirect
from app.web.windows import HIGHEST, FromWindow

HIGHEST_NUMBER = 2**63 - 1
ADDRESS = re.compile(r"/assignments/([1-9][0-9]{0,17})/submit")


class Carried(BaseModel):
    """The fields of an assignment's form as they were posted, and from which window."""

    assignment: int = Field(ge=1, le=HIGHEST_NUMBER)
    version: int = Field(ge=0, le=HIGHEST)
    window: str = Field(default="", max_length=100)
    step: int = Field(default=0, ge=0, le=HIGHEST)
    fields: dict[str, str]


def install_carrying(app: FastAPI) -> None:
    """In place of the error pages: whoever comes back finds the page filled."""
    app.add_exception_handler(SignInNeeded, _sign_in_needed)
    app.add_exception_handler(ForgedRequest, _forged_request)


async def _sign_in_needed(request: Request, error: Exception) -> Response:
    carried = await _carry(request)
    if carried is None:
        return sign_in_needed(request, error)
    form: Form[Carried] = Form.showing(next=_desk(carried), carried=carried.model_dump_json())
    return page(request, "signing_in/index.html", HTTPStatus.UNAUTHORIZED, form=form)


async def _forged_request(request: Request, error: Exception) -> Response:
    """A page from before its reader signed in anew elsewhere."""
    carried, token = await _carry(request), read_cookie(request, "session")
    if carried is None or token is None:
        return await forged_request(request, error)
    with request.app.state.sessions.begin() as session:
        user = user_of_session(session, token)
        back = put_back(request, session, user, carried.model_dump_json()) if user else None
    return redirect(back or "/tasks")


async def _carry(request: Request) -> Carried | None:
    address = ADDRESS.fullmatch(request.url.path)
    if address is None or wants_json(request) or not _comes_from_us(request) or not _is_short_enough(request):
        return None
    sent = await form_in_time(request, max_files=0, max_fields=1_000, max_part_size=LONGEST_CARRIED)
    form = read_form(FromWindow, sent.multi_items())
    window = form.data.window if form.data else None
    if window is None or not (fields := judged_fields(form)):
        return None
    return Carried(
        assignment=int(address[1]), version=window.version, window=window.name, step=window.step, fields=fields
    )


def _comes_from_us(request: Request) -> bool:
    """Browsers say with every post where it comes from, and no page can make them say something else."""
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and (origin.scheme, origin.netloc) == (request.url.scheme, request.url.netloc)


def _is_short_enough(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isdecimal() and int(length) <= LONGEST_CARRIED


def put_back(request: Request, session: Session, user: User, text: str) -> str | None:
    """Where the filled page is; None where nothing was carried, or not by this person."""
    try:
        carried = Carried.model_validate_json(text)
        assignment = assignment_of(session, user, carried.assignment)
    except (ValidationError, NotFound):
        return None
    if keep_beside(session, assignment, Window(carried.version, carried.window, carried.step), carried.fields):
        flash(request, _("You are signed in again. What you sent is below, not submitted yet."), "info")
    else:
        flash(request, _("You are signed in again. Below is what another window saved meanwhile."), "warning")
    return _desk(carried)


def _desk(carried: Carried) -> str:
    return f"/assignments/{carried.assignment}"
