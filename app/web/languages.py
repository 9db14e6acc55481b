"""In which language a page speaks: the reader's own where somebody is signed in, else what the browser asks for.

A visitor may choose another one, which a cookie keeps; signing out leaves it at the account's.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts.service import choose_language
from app.translation import accepted_language, available_languages, known, speak, speaking
from app.web.addresses import own_path
from app.web.cookies import read_cookie, set_cookie
from app.web.dependencies import SessionDep, Visitor, public
from app.web.forms import Form, posted
from app.web.templating import redirect

router = APIRouter()
COOKIE = "language"
LIFETIME = timedelta(days=365)


class SpokenLanguage:
    """Begins the conversation of a request; who is signed in changes its language (`dependencies.recognise`)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with speaking(visitors_language(Request(scope))):
            await self.app(scope, receive, send)


def visitors_language(request: Request) -> str:
    chosen = read_cookie(request, COOKIE)
    if chosen and chosen in available_languages():
        return chosen
    return accepted_language(request.headers.get("accept-language", ""))


def remember_language(request: Request, language: str) -> None:
    """For pages on which nobody is signed in."""
    set_cookie(request, COOKIE, known(language), LIFETIME)


class Choice(BaseModel):
    language: str = Field(max_length=20)
    next: str = "/"


@router.post("/language", dependencies=[public])
def choose(
    request: Request, session: SessionDep, visitor: Visitor, form: Annotated[Form[Choice], posted(Choice)]
) -> Response:
    """A language that is not there is English."""
    if form.data is None:
        return redirect("/")
    if visitor:
        choose_language(session, visitor, form.data.language)
    speak(form.data.language)
    remember_language(request, form.data.language)
    return redirect(own_path(form.data.next))
