"""`/account`: one's own name, language and password, and what one would rather not read."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.models import Role
from app.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from app.accounts.service import change_password, choose_content, choose_language, rename
from app.accounts.signing_in import count_attempt, forgive
from app.translation import SOURCE_LANGUAGE, speak
from app.translation import gettext as _
from app.web.dependencies import CurrentUser, SessionDep, allow
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.signing_in import enter, hashing
from app.web.templating import page, redirect

router = APIRouter()


class OwnAccount(BaseModel):
    name: str = Field(max_length=100)
    language: str = Field(default=SOURCE_LANGUAGE, max_length=20)
    spared: bool = False
    """A labeler wants no tasks with a content warning."""


class PasswordChange(BaseModel):
    present: str = Field(max_length=MAX_LENGTH)
    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


@router.get("/account", dependencies=[allow()])
def account(request: Request, user: CurrentUser) -> Response:
    shown = {"name": user.name, "language": user.language, "spared": "" if user.sees_sensitive else "1"}
    return page(request, "accounts/index.html", form=Form.showing(**shown))


@router.post("/account", dependencies=[allow()])
def save_account(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[OwnAccount], posted(OwnAccount)]
) -> Response:
    if form.data is None:
        return page(request, "accounts/index.html", status=422, form=form)
    rename(session, user, form.data.name)
    choose_language(session, user, form.data.language)
    if user.role is Role.LABELER:
        choose_content(session, user, sees_sensitive=not form.data.spared)
    speak(user.language)
    flash(request, _("Your account was saved."))
    return redirect("/account")


@router.get("/account/password", dependencies=[allow()])
def password_page(request: Request) -> Response:
    return page(request, "accounts/password.html", form=Form.showing())


@router.post("/account/password", dependencies=[hashing, allow()])
def save_password(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    form: Annotated[Form[PasswordChange], posted(PasswordChange)],
) -> Response:
    """Whoever sits at a browser left open may not guess the password either."""
    if form.data:
        address, email = request.client.host if request.client else "unknown", user.email or ""
        with request.app.state.sessions.begin() as counting:
            count_attempt(counting, address, email)
        with form.attempt(session, "present"):
            change_password(session, user, form.data.present, form.data.password)
            forgive(session, address, email)
            enter(request, session, user)
            flash(request, _("Your password was changed. Everywhere else you are signed out."))
            return redirect("/account")
    return page(request, "accounts/password.html", status=422, form=form)
