"""Times of the day in somebody's time zone, on chosen days of the week."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter

from app.errors import InvalidInput
from app.translation import gettext

EVERY_DAY = "*"
DAYS = range(1, 8)  # Monday is 1, as in ISO 8601


def cron_of(days: Iterable[int], hour: int) -> str:
    """`0 3 * * 1,4`: at 3 on Mondays and Thursdays; on all seven days where all are chosen."""
    chosen = sorted(set(days))
    if not chosen or not set(chosen) <= set(DAYS) or not 0 <= hour <= 23:
        raise InvalidInput(reason=gettext("Choose at least one day, and an hour from 0 to 23."))
    return f"0 {hour} * * {EVERY_DAY if len(chosen) == 7 else ','.join(map(str, chosen))}"


def days_and_hour(cron: str) -> tuple[list[int], int]:
    """What `cron_of` was given."""
    _minute, hour, _day, _month, days = cron.split()
    return list(DAYS) if days == EVERY_DAY else [int(day) for day in days.split(",")], int(hour)


def next_time(cron: str, zone: str, after: datetime) -> datetime:
    """In UTC. An hour that the clocks leave out comes when they have been put forward."""
    there = after.astimezone(ZoneInfo(zone))
    found: datetime = croniter(cron, there).get_next(datetime)
    return found.astimezone(UTC)


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())


def checked_zone(name: str) -> str:
    """Raises `InvalidInput`. A name that is none of these may be the path of any file."""
    if name not in zones():
        raise InvalidInput(reason=gettext("There is no time zone {name}.").format(name=name))
    return name
