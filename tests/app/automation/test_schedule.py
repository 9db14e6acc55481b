from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.automation.schedule import checked_zone, cron_of, days_and_hour, next_time
from app.errors import InvalidInput

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize("chosen", [([1], 0), ([7], 23), ([1, 3, 5], 4), ([1, 2, 3, 4, 5, 6, 7], 12)])
def test_days_and_hours_are_read_as_they_were_written(chosen: tuple[list[int], int]) -> None:
    assert days_and_hour(cron_of(*chosen)) == chosen


@pytest.mark.parametrize("chosen", [([], 3), ([0], 3), ([8], 3), ([1], 24), ([1], -1)])
def test_what_is_no_time_is_refused(chosen: tuple[list[int], int]) -> None:
    with pytest.raises(InvalidInput):
        cron_of(*chosen)


@pytest.mark.parametrize("day", range(1, 8))
def test_monday_is_the_first_day(day: int) -> None:
    found = next_time(cron_of([day], 3), "UTC", datetime(2026, 5, 1, 12, tzinfo=UTC))
    assert (found.isoweekday(), found.hour, found.minute) == (day, 3, 0)


def test_an_hour_stays_the_same_on_the_clock_when_clocks_change() -> None:
    at, hours = datetime(2026, 3, 27, 12, tzinfo=UTC), []
    for _ in range(4):
        at = next_time(cron_of(range(1, 8), 3), BERLIN, at)
        hours.append((at.astimezone(ZoneInfo(BERLIN)).hour, at.hour))
    assert hours == [(3, 2), (3, 1), (3, 1), (3, 1)]


def test_an_hour_that_the_clocks_leave_out_is_not_left_out() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = next_time(cron_of(range(1, 8), 2), BERLIN, before)
    assert timedelta(hours=12) < found - before < timedelta(hours=15)


def test_a_time_now_is_not_the_next_one() -> None:
    now = datetime(2026, 5, 4, 3, tzinfo=UTC)
    assert next_time(cron_of([1], 3), "UTC", now) == now + timedelta(days=7)


def test_a_path_is_no_zone() -> None:
    with pytest.raises(InvalidInput):
        checked_zone("../../etc/passwd")
