from datetime import UTC, datetime

import pytest

from app.translation import speaking
from app.web.figures import day, figure, moment, percent

WHEN = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.6, "12,346"),
        (1000, "1,000"),
        (0.0123456, "0.0123"),
        (7, "7"),
        (3.14159, "3.14"),
        (0, "0"),
        (1.2e-7, "1.2e-07"),
    ],
)
def test_a_figure_is_short(value: float, text: str) -> None:
    with speaking("en"):
        assert figure(value) == text


def test_a_share_is_per_cent() -> None:
    with speaking("en"):
        assert percent(0.6804, 1) == "68.0%"
        assert percent(1) == "100%"
    with speaking("zh"):
        assert percent(0.6804, 1) == "68.0%"


def test_a_moment_is_written_as_the_language_does() -> None:
    with speaking("en"):
        assert moment(WHEN).replace("\N{NARROW NO-BREAK SPACE}", " ") == "Mar 31, 2026, 2:05 PM"
    with speaking("zh"):
        assert moment(WHEN) == "2026年3月31日 14:05"
        assert day(WHEN) == "2026年3月31日"
