"""`/account/notifications`: which events one wants by e-mail, and whether this Rondo sends any."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.config import settings
from app.notifications.models import CHOOSABLE, EventKind
from app.notifications.queries import mailed_to
from app.notifications.wishes import choose_wishes, try_mail, wishes_of
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.templating import page, redirect

router = APIRouter(prefix="/account/notifications", dependencies=[allow(Role.RESEARCHER, Role.ADMIN)])


class Wishes(BaseModel):
    events: list[EventKind] = Field(default_factory=list, max_length=len(CHOOSABLE))


@router.get("")
def show(request: Request, session: SessionDep, user: CurrentUser) -> Response:
    return page(
        request,
        "automation/mail.html",
        kinds=CHOOSABLE,
        wishes=wishes_of(session, user),
        sent=mailed_to(session, user),
        sends_mail=settings().sends_mail,
    )


@router.post("")
def save(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[Wishes], posted(Wishes)]
) -> Response:
    if form.data:
        choose_wishes(session, user, form.data.events)
        flash(request, _("It was saved."))
    return redirect("/account/notifications")


@router.post("/test")
def send_test(request: Request, session: SessionDep, user: CurrentUser) -> Response:
    try_mail(session, user)
    flash(request, _("A test is on its way. Load this page again to see how it went."))
    return redirect("/account/notifications")
