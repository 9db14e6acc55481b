"""One-time messages for the next page, kept in a cookie signed with the secret of the visit."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from app.web.cookies import drop_cookie, read_cookie, set_cookie
from app.web.security import sign

Kind = Literal["success", "info", "warning", "error"]


class Flash(BaseModel, frozen=True):
    kind: Kind
    text: str


_flashes = TypeAdapter(list[Flash])


def flash(request: Request, text: str, kind: Kind = "success") -> None:
    """Show `text`, a whole sentence, on the next page."""
    waiting: list[Flash] = getattr(request.state, "flashes", [])
    request.state.flashes = [*waiting, Flash(kind=kind, text=text)]
    body = urlsafe_b64encode(_flashes.dump_json(request.state.flashes)).decode()
    set_cookie(request, "flash", f"{body}.{sign(request, 'flash', body)}")


def take_flashes(request: Request) -> list[Flash]:
    """The messages for this page, which are gone afterwards. What was tampered with is dropped."""
    cookie = read_cookie(request, "flash")
    if cookie is None:
        return []
    drop_cookie(request, "flash")
    body, _, signature = cookie.partition(".")
    if not compare_digest(signature.encode(), sign(request, "flash", body).encode()):
        return []
    try:
        return _flashes.validate_json(urlsafe_b64decode(body))
    except (ValueError, ValidationError):
        return []
