"""What every answer carries and every unsafe request must prove.

Forms are guarded by a token derived from a secret cookie: that of the session where somebody is signed in, else one
that only tells visits apart. Another site can make a browser send the cookie but cannot read it, so it cannot know
the token.
"""

from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from http import HTTPStatus
from secrets import token_bytes, token_urlsafe
from urllib.parse import parse_qsl

from anyio import move_on_after
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import DomainError, message
from app.web.cookies import read_cookie, set_cookie

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# A request holds one of few database sessions while its form arrives (`dependencies.SESSIONS_AT_ONCE`).
PATIENCE_SECONDS = 20.0
PLAIN_FORM = "application/x-www-form-urlencoded"
SLOWEST_BYTES_PER_SECOND = 64 * 1024
LONGEST_CARRIED = 4 * 1024 * 1024  # see `carrying`

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class ForgedRequest(DomainError):
    """The token of the form is missing or belongs to another visit."""

    status = HTTPStatus.FORBIDDEN
    sentence = message("This form is out of date, so nothing was saved. Reload the page and send it again.")


class SentTooSlowly(DomainError):
    status = HTTPStatus.REQUEST_TIMEOUT
    sentence = message(
        "What you sent took too long to arrive, so nothing was saved. "
        "Go back, look at your connection, and send it again."
    )


def visit_secret(request: Request) -> str:
    """The secret cookie of this browser: the session's, else the visit's, which is set where there is none yet."""
    fresh: str | None = getattr(request.state, "visit_secret", None)
    secret = fresh or read_cookie(request, "session") or read_cookie(request, "visit")
    return secret or begin_visit(request)


def begin_visit(request: Request) -> str:
    """A new secret for a browser in which nobody is signed in."""
    secret = token_urlsafe(32)
    set_cookie(request, "visit", secret)
    use_secret(request, secret)
    return secret


def use_secret(request: Request, secret: str) -> None:
    """From here on this answer is for the browser that will hold `secret`, whatever cookie it sent."""
    request.state.visit_secret = secret


def sign(request: Request, purpose: str, text: str = "") -> str:
    return hmac(visit_secret(request).encode(), f"{purpose}:{text}".encode(), sha256).hexdigest()


def csrf_token(request: Request) -> str:
    """Another one in every answer, all of them good.

    Answers are compressed, so their lengths tell what repeats in them: a token that stayed the same beside words that a
    stranger put into the page could be guessed sign by sign (BREACH, 2013).
    """
    token = bytes.fromhex(sign(request, "csrf"))
    mask = token_bytes(len(token))
    return (mask + _masked(token, mask)).hex()


def _masked(token: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(token, mask, strict=True))


def _is_token(request: Request, sent: str) -> bool:
    token = bytes.fromhex(sign(request, "csrf"))
    try:
        given = bytes.fromhex(sent)
    except ValueError:
        return False
    mask, rest = given[: len(token)], given[len(token) :]
    return len(given) == 2 * len(token) and compare_digest(_masked(rest, mask), token)


async def refuse_forgery(request: Request) -> None:
    """Raises `ForgedRequest`. The token comes in the header `X-CSRF-Token` or in the field `csrf_token`."""
    if request.method in SAFE_METHODS:
        return
    sent = request.headers.get("x-csrf-token") or (await sent_form(request)).get("csrf_token")
    if not isinstance(sent, str) or not _is_token(request, sent):
        raise ForgedRequest


async def sent_form(request: Request) -> FormData:
    """The posted form, read once. Strangers can send little more than their name and password, and no files.

    Raises `SentTooSlowly`.
    """
    if getattr(request.state, "user", None) is None:
        return await form_in_time(request, max_files=0, max_fields=20, max_part_size=64 * 1024)
    return await form_in_time(request, max_files=10, max_fields=5_000, max_part_size=4 * 1024 * 1024)


async def form_in_time(request: Request, **limits: int) -> FormData:
    """The form, unless it comes so slowly that its sender would keep others waiting. Raises `SentTooSlowly`."""
    length = request.headers.get("content-length", "")
    signed_in = getattr(request.state, "user", None) is not None
    size = int(length) if length.isdecimal() and signed_in else 0
    with move_on_after(PATIENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND):
        if not hasattr(request.state, "form"):
            plain = signed_in and request.headers.get("content-type", "").startswith(PLAIN_FORM)
            request.state.form = await (_plain_form if plain else Request.form)(request, **limits)
        form: FormData = request.state.form
        return form
    raise SentTooSlowly


async def _plain_form(request: Request, max_fields: int, max_part_size: int, **_files: int) -> FormData:
    """A desk's has a hundred fields, which the standard library reads in a third of the time."""
    sent = (await request.body()).decode("latin-1")
    try:
        fields = parse_qsl(sent, keep_blank_values=True, max_num_fields=max_fields)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"More than {max_fields} fields.") from error
    if any(len(value) > max_part_size for _, value in fields):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"A field of more than {max_part_size} characters.")
    return FormData([*fields])


class SecurityHeaders:
    """Adds the headers to every answer, and keeps pages made for one person out of shared caches."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                defaults = HEADERS | {"cache-control": "no-store"}
                added = [(name.encode(), value.encode()) for name, value in defaults.items()]
                message["headers"] = [*message["headers"], *(pair for pair in added if pair[0] not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers)
