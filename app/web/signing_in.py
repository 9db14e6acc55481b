"""`/sign-in`, `/sign-out` and one-time sign-in links."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.links import usable_link
from app.accounts.models import LinkPurpose, User
from app.accounts.passwords import MAX_LENGTH
from app.accounts.sessions import LIFETIME, begin_session, end_session
from app.accounts.signing_in import count_attempt, sign_in, sign_in_once
from app.translation import gettext as _
from app.translation import spoken_language
from app.web.addresses import own_path
from app.web.carrying import put_back
from app.web.cookies import drop_cookie, read_cookie, set_cookie
from app.web.dependencies import SessionDep, Visitor, public
from app.web.flashes import flash
from app.web.forms import Form, posted
from app.web.languages import remember_language
from app.web.security import LONGEST_CARRIED, begin_visit, form_in_time, use_secret
from app.web.templating import page, redirect

router = APIRouter()


class SignIn(BaseModel):
    email: str = Field(max_length=320)
    password: str = Field(max_length=MAX_LENGTH)
    next: str = "/"
    carried: str = ""


SignInForm = Annotated[Form[SignIn], posted(SignIn)]


async def whole_form(request: Request) -> None:
    """Here, because nobody who sends slowly may hold a turn meanwhile, and because work may be carried along."""
    await form_in_time(request, max_files=0, max_fields=20, max_part_size=LONGEST_CARRIED)


async def hashing_slot(_sent: Annotated[None, Depends(whole_form)]) -> AsyncIterator[None]:
    yield


# Argon2 fills a core for a quarter of a second: who waits for a turn holds neither a thread nor a connection.
hashing: Any = Depends(hashing_slot, scope="function", max_concurrency=2)


@router.get("/sign-in", dependencies=[public])
def sign_in_page(request: Request, visitor: Visitor, next: str = "/") -> Response:
    if visitor is not None:
        return redirect(own_path(next))
    return page(request, "signing_in/index.html", form=Form.showing(next=next))


@router.post("/sign-in", dependencies=[hashing, public])
def sign_in_with_password(request: Request, session: SessionDep, form: SignInForm) -> Response:
    if form.data:
        address = request.client.host if request.client else "unknown"
        with request.app.state.sessions.begin() as counting:
            count_attempt(counting, address, form.data.email)
        with form.attempt(session, "password"):
            user = sign_in(session, address, form.data.email, form.data.password)
            enter(request, session, user)
            return redirect(put_back(request, session, user, form.data.carried) or _landing(form.data))
    return page(request, "signing_in/index.html", status=422, form=form)


def _landing(sent: SignIn) -> str:
    """Somebody else's desk is no place to go."""
    return "/" if sent.carried else own_path(sent.next)


@router.post("/sign-out", dependencies=[public])
def sign_out(request: Request, session: SessionDep) -> Response:
    leave(request, session)
    flash(request, _("You are signed out."))
    return redirect("/sign-in")


@router.get("/sign-in/once/{token}", dependencies=[public])
def one_time_sign_in_page(request: Request, session: SessionDep, token: str) -> Response:
    """Asks first, because programs that look at links in messages would use the link up."""
    usable_link(session, LinkPurpose.SIGN_IN, token)
    return page(request, "signing_in/once.html", token=token)


@router.post("/sign-in/once/{token}", dependencies=[public])
def one_time_sign_in(request: Request, session: SessionDep, token: str) -> Response:
    enter(request, session, sign_in_once(session, token))
    return redirect("/")


def enter(request: Request, session: Session, user: User) -> None:
    """A fresh session for `user`; the one this browser had before has ended."""
    if former := read_cookie(request, "session"):
        end_session(session, former)
    token = begin_session(session, user)
    set_cookie(request, "session", token, LIFETIME)
    use_secret(request, token)


def leave(request: Request, session: Session) -> None:
    remember_language(request, spoken_language())
    if token := read_cookie(request, "session"):
        end_session(session, token)
    drop_cookie(request, "session")
    begin_visit(request)
