"""A Chromium for tests that need a real browser: an installed one, else the one that playwright fetched."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserType, Page

from tests.browser.served_desk import ServedDesk, serving

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO_GET_ONE = "No Chromium was found. Install chromium or Chrome, or run: playwright install --with-deps chromium"


def installed_chromium(browser_type: BrowserType) -> str | None:
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    fetched = browser_type.executable_path
    return installed or (fetched if Path(fetched).exists() else None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_type: BrowserType) -> dict[str, Any]:
    found = installed_chromium(browser_type)
    if found is None and os.environ.get("RONDO_REQUIRE_BROWSER") == "1":
        pytest.fail(HOW_TO_GET_ONE)
    if found is None:
        pytest.skip(HOW_TO_GET_ONE)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": found, "args": flags}


@pytest.fixture
def served_desk() -> Iterator[ServedDesk]:
    with serving() as desk:
        yield desk


@pytest.fixture
def desk(page: Page, served_desk: ServedDesk) -> Iterator[Page]:
    """A page on which whatever the browser complains of fails the test."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    yield page
    assert complaints == []
