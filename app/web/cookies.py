"""Cookies: how they are named and protected, and how any part of a request can set one.

They are queued on the request and written by `QueuedCookies` when the response starts, so that a function that
needs a cookie set does not have to build the response.
"""

from datetime import timedelta

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings


def served_over_https(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    return request.url.scheme == "https" or (settings.public_url or "").startswith("https://")


def cookie_name(request: Request, name: str) -> str:
    """`__Host-` keeps neighbours on the same domain from setting the cookie; browsers take it over https only."""
    return f"__Host-rondo-{name}" if served_over_https(request) else f"rondo-{name}"


def read_cookie(request: Request, name: str) -> str | None:
    return request.cookies.get(cookie_name(request, name)) or None


def set_cookie(request: Request, name: str, value: str, lifetime: timedelta | None = None) -> None:
    """`value` must be URL-safe. Without a lifetime the cookie goes when the browser closes."""
    age = "" if lifetime is None else f"; Max-Age={int(lifetime.total_seconds())}"
    secure = "; Secure" if served_over_https(request) else ""
    key = cookie_name(request, name)
    _queue(request.scope)[key] = f"{key}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"


def drop_cookie(request: Request, name: str) -> None:
    set_cookie(request, name, "", timedelta(0))


def _queue(scope: Scope) -> dict[str, str]:
    queue: dict[str, str] = scope.setdefault("state", {}).setdefault("cookies", {})
    return queue


class QueuedCookies:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookies = [(b"set-cookie", cookie.encode("latin-1")) for cookie in _queue(scope).values()]
                message["headers"] = [*message.get("headers", []), *cookies]
            await send(message)

        await self.app(scope, receive, send_with_cookies)
