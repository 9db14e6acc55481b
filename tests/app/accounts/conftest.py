from collections.abc import Callable
from datetime import timedelta

import pytest

from app import clock

Wait = Callable[[timedelta], None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Stops the clock, and moves it forward when called."""
    time = clock.now()

    def wait(long: timedelta) -> None:
        nonlocal time
        time += long
        monkeypatch.setattr(clock, "now", lambda: time)

    wait(timedelta(0))
    return wait
