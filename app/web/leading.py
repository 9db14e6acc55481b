"""Where an answer leads, said so that a script can follow: a browser hides from it where a redirect goes."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import wants_json


class LeadingScripts:
    """Whoever posts and asks for JSON gets `{next: address}` instead of a 303; its cookies stay with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not wants_json(Request(scope)):
            await self.app(scope, receive, send)
            return
        led = False

        async def send_address(message: Message) -> None:
            nonlocal led
            if message["type"] == "http.response.start" and message["status"] == 303:
                led = True
                await _address(message)(scope, receive, send)
            elif not led:
                await send(message)

        await self.app(scope, receive, send_address)


def _address(redirect: Message) -> JSONResponse:
    headers = dict(redirect["headers"])
    return JSONResponse({"next": headers[b"location"].decode("latin-1")})
