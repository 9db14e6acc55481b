"""When the reader's day began: a script keeps the browser's time zone in a cookie; without one it is UTC."""

from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from starlette.requests import Request

from app import clock

COOKIE = "rondo-zone"


def midnight(request: Request) -> datetime:
    """In UTC."""
    start = clock.now().astimezone(_zone(request)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return start.astimezone(UTC)


def zone_name(request: Request) -> str:
    """`Europe/Berlin`."""
    return str(_zone(request))


def _zone(request: Request) -> tzinfo:
    name = request.cookies.get(COOKIE, "")
    return ZoneInfo(name) if name in _zones() else UTC


@cache
def _zones() -> frozenset[str]:
    """A name that is none of these may be the path of any file."""
    return frozenset(available_timezones())
