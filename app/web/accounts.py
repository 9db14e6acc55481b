"""`/account`: one's own name, language and password."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from app.accounts.service import change_password, choose_language, rename
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


class PasswordChange(BaseModel):
    present: str = Field(max_length=MAX_LENGTH)
    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


@router.get("/account", dependencies=[allow()])
def account(request: Request, user: CurrentUser) -> Response:
    return page(request, "accounts/index.html", form=Form.showing(name=user.name, language=user.language))


@router.post("/account", dependencies=[allow()])
def save_account(
    request: Request, session: SessionDep, user: CurrentUser, form: Annotated[Form[OwnAccount], posted(OwnAccount)]
) -> Response:
    if form.data is None:
        return page(request, "accounts/index.html", status=422, form=form)
    rename(session, user, form.data.name)
    choose_language(session, user, form.data.language)
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
    if form.data:
        with form.attempt(session, "present"):
            change_password(session, user, form.data.present, form.data.password)
            enter(request, session, user)
            flash(request, _("Your password was changed. Everywhere else you are signed out."))
            return redirect("/account")
    return page(request, "accounts/password.html", status=422, form=form)
