"""When a request ends in an error: a page that says what happened and what to do, or JSON for who asked for it."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import inspect
from sqlalchemy.exc import DataError, OperationalError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.sessions import user_of_session
from app.db import is_disk_full, is_out_of_reach
from app.errors import DomainError
from app.translation import gettext as _
from app.translation import speak
from app.web.cookies import read_cookie
from app.web.security import LONGEST_CARRIED, SAFE_METHODS, ForgedRequest, form_in_time, sent_form
from app.web.templating import page, redirect

RETRY_AFTER = 5  # seconds: the embedded server is back by then

logger = logging.getLogger(__name__)


class SignInNeeded(Exception):
    """Nobody is signed in, and the page is not for everybody."""


def install_error_pages(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(ForgedRequest, forged_request)
    app.add_exception_handler(SignInNeeded, sign_in_needed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _unreadable_address)
    app.add_exception_handler(DataError, _not_storable)
    app.add_exception_handler(OperationalError, _database_trouble)


def wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def error_answer(request: Request, status: HTTPStatus, sentence: str, typed: Sequence[str] = ()) -> Response:
    """`typed`: texts that were sent and not saved, for their author to take away."""
    if wants_json(request):
        return JSONResponse({"error": sentence}, status)
    user = getattr(request.state, "user", None)
    if user is not None and inspect(user).expired:  # a failed flush undid the transaction that the page would read from
        request.state.user = None
    return page(request, "errors/error.html", status, heading=_heading(status), sentence=sentence, typed=typed)


def _heading(status: HTTPStatus) -> str:
    headings = {
        HTTPStatus.UNAUTHORIZED: _("Please sign in"),
        HTTPStatus.FORBIDDEN: _("Not allowed"),
        HTTPStatus.NOT_FOUND: _("Page not found"),
        HTTPStatus.TOO_MANY_REQUESTS: _("Please wait a little"),
        HTTPStatus.INTERNAL_SERVER_ERROR: _("Something broke"),
        HTTPStatus.SERVICE_UNAVAILABLE: _("Please wait a little"),
    }
    return headings.get(status, _("This did not work"))


def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return error_answer(request, error.status, error.localized())


async def forged_request(request: Request, error: Exception) -> Response:
    """Most likely no forgery: a page from before its reader signed in anew. What they wrote must not be lost."""
    assert isinstance(error, ForgedRequest)
    if "x-csrf-token" in request.headers:  # a script, which still has what it sent
        return error_answer(request, error.status, error.localized())
    return error_answer(request, error.status, error.localized(), _writing_in(await sent_form(request)))


def _writing_in(sent: FormData) -> list[str]:
    return [text for name, text in sent.multi_items() if isinstance(text, str) and _is_writing(name) and text.strip()]


def _is_writing(name: str) -> bool:
    """The long fields: demonstrations, guidelines, forms, notes; never a password."""
    return name in {"text", "definition", "reason"} or (name.startswith(("output[", "prompt[")) and name.endswith("]"))


def sign_in_needed(request: Request, _error: Exception) -> Response:
    """A reader is sent to sign in and comes back; what was posted cannot be posted again by us."""
    if request.method == "GET" and not wants_json(request):
        return redirect(f"/sign-in?{urlencode({'next': request.url.path})}")
    sentence = _("You are not signed in any more, so nothing was saved. Sign in in another window and send it again.")
    return error_answer(request, HTTPStatus.UNAUTHORIZED, sentence)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    _recognise(request)
    status = HTTPStatus(error.status_code)
    return error_answer(request, status, _sentence(status))


def _sentence(status: HTTPStatus) -> str:
    sentences = {
        HTTPStatus.NOT_FOUND: _("There is nothing at this address."),
        HTTPStatus.METHOD_NOT_ALLOWED: _("This address cannot be asked for in this way. Use the buttons of the pages."),
    }
    return sentences.get(status) or _("The server cannot take this request ({status}).").format(status=status.value)


def _recognise(request: Request) -> None:
    """No route has looked who asks: without this a signed-in person would lose the navigation."""
    if not hasattr(request.state, "user") and (token := read_cookie(request, "session")):
        with request.app.state.sessions() as session:
            request.state.user = user = user_of_session(session, token)
        if user:
            speak(user.language)


def _unreadable_address(request: Request, _error: Exception) -> Response:
    """Only the path and the query are parsed by FastAPI; forms have `app.web.forms`."""
    return error_answer(request, HTTPStatus.NOT_FOUND, _("There is nothing at this address."))


def _not_storable(request: Request, _error: Exception) -> Response:
    """Well-formed, but beyond what the database has: a number of thirty digits, half a surrogate pair."""
    if request.method == "GET":
        return error_answer(request, HTTPStatus.NOT_FOUND, _("There is nothing at this address."))
    sentence = _("A number is too large or a character cannot be stored, so nothing was saved.")
    return error_answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence)


async def _database_trouble(request: Request, error: Exception) -> Response:
    """The database is not there just now, or its disk is full. Anything else that went wrong in it is a defect."""
    assert isinstance(error, OperationalError)
    if is_disk_full(error):
        logger.error("The database's disk is full: %s", error.orig)
        sentence = _("The disk of the database is full, so nothing was saved. Tell who runs this server.")
        return error_answer(request, HTTPStatus.INSUFFICIENT_STORAGE, sentence, await _writing_sent(request))
    if not is_out_of_reach(error):
        raise error
    logger.warning("The database does not answer: %s", error.orig)
    answer = error_answer(request, HTTPStatus.SERVICE_UNAVAILABLE, _away(request), await _writing_sent(request))
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _away(request: Request) -> str:
    if request.method in SAFE_METHODS:
        return _("The database does not answer at the moment. Load this page again in a few seconds.")
    return _(
        "The database does not answer at the moment, so what you sent may not be saved. "
        "Load this page again in a few seconds: your browser asks whether to send it again."
    )


async def _writing_sent(request: Request) -> list[str]:
    """What its author would lose; nobody knows who that is, so of no longer forms than strangers may have carried."""
    length = request.headers.get("content-length", "")
    if wants_json(request) or request.method in SAFE_METHODS:
        return []
    if not length.isdecimal() or int(length) > LONGEST_CARRIED:
        return []
    with suppress(HTTPException, DomainError):  # files among it, or it comes too slowly
        return _writing_in(await form_in_time(request, max_files=0, max_fields=1_000, max_part_size=LONGEST_CARRIED))
    return []


class FailurePages:
    """Answers what no handler foresaw with a page, and lets the error go on to the server's log.

    It stands inside the other middleware, so that this page has the security headers too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, note_start)
        except ClientDisconnect:  # while it was sending: there is nobody to answer, and nothing went wrong here
            return
        except Exception:
            if scope["type"] == "http" and not started:
                await _failure(Request(scope, receive))(scope, receive, send)
            raise


def _failure(request: Request) -> Response:
    sentence = _("The server could not finish this. It was written to the log; nothing was saved.")
    return error_answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, sentence)
