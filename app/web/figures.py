"""Numbers, shares and moments as the reader's language writes them: filters for templates."""

from datetime import date, datetime

from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from app.translation import spoken_locale

GROUPED_FROM = 1000


def figure(value: float) -> str:
    """A measured number, short: `12,345`, `0.0123`, `1.2e-07`."""
    if abs(value) < 1e-3:
        return f"{value:.3g}"
    return format_decimal(value, "#,##0" if abs(value) >= GROUPED_FROM else "@##", locale=spoken_locale())


def coefficient(value: float) -> str:
    """Three digits after the point: `0.412`."""
    return format_decimal(value, "0.000", locale=spoken_locale())


def percent(share: float, digits: int = 0) -> str:
    """0.6804 with one digit is `68.0%`; where the sign stands is the language's own."""
    pattern = spoken_locale().percent_formats[None].pattern
    fraction = f"0.{'0' * digits}" if digits else "0"
    return format_percent(share, pattern.replace("#,##0", fraction), locale=spoken_locale())


def day(when: date) -> str:
    return format_date(when, "medium", locale=spoken_locale())


def moment(when: datetime) -> str:
    """To the minute, in the zone that it comes in."""
    pattern = str(get_datetime_format("medium", locale=spoken_locale()))
    at = format_time(when, "short", locale=spoken_locale())
    return pattern.replace("{1}", day(when)).replace("{0}", at)


def duration(seconds: float) -> str:
    """A time left, in its largest unit or, below ten of them, the two largest: `2 hours 40 minutes`, `25 seconds`."""
    left = round(seconds)
    said: list[str] = []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count or said or unit == "second":
            said.append(format_unit(count, unit, locale=spoken_locale()) if count or not said else "")
            if len(said) == 2 or count >= 10:
                break
    return " ".join(filter(None, said))
