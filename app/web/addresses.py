"""Addresses that leave the page, in links that are copied, printed or sent, and those that come back with a form."""

from starlette.requests import Request

from app.config import Settings


def public_address(request: Request, path: str) -> str:
    """Under `RONDO_PUBLIC_URL`, else under the host that this request named."""
    settings: Settings = request.app.state.settings
    base = settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return base.rstrip("/") + path


def served_address(settings: Settings, path: str) -> str:
    """For the command line, where there is no request."""
    return settings.address(path)


def own_path(address: str) -> str:
    """`address` where it is a path of ours; browsers read `//host` and `/\\host` as other sites."""
    is_ours = address.startswith("/") and address[1:2] not in {"/", "\\"} and address.isprintable()
    return address if is_ours else "/"
