"""Every page of Rondo, by axe: in both themes, in every language, wide and on a phone.

The pages are those of `tests.world`, which has to have every route that a browser can open: a new page that is
forgotten there fails here.
"""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from app.accounts.service import choose_language
from app.config import Settings
from app.db import transaction
from app.main import create_app
from app.translation import available_languages
from tests.app.web.test_routes import methods, routes
from tests.browser.live import live
from tests.world import READERS, World, make_world

SCREENS = {"wide": (1440, 900), "phone": (390, 844)}
# Every page in every theme, on every screen and in every language; each pair of those is met on some page.
LOOKS = {"en": [("wide", "light"), ("phone", "dark")], "zh": [("wide", "dark"), ("phone", "light")]}


@pytest.fixture(scope="module")
def served(clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, World, Engine]]:
    import app.tables  # noqa: F401

    settings = Settings(home=tmp_path_factory.mktemp("home"))
    with clone() as engine:
        with transaction(engine) as session:
            world = make_world(session, settings.files)
        with live(engine, settings) as address:
            yield address, world, engine


def _open(browser: Browser, served: tuple[str, World, Engine], reader: str, language: str) -> Page:
    address, world, engine = served
    context = browser.new_context(base_url=address, locale=language, reduced_motion="reduce")
    if reader in world.people:
        with transaction(engine) as session:
            choose_language(session, session.merge(world.people[reader]), language)
        context.add_cookies([{"name": "rondo-session", "value": world.sessions[reader], "url": address}])
    return context.new_page()


@pytest.mark.parametrize("language", LOOKS)
@pytest.mark.parametrize("reader", READERS)
def test_every_page_is_accessible(
    browser: Browser, served: tuple[str, World, Engine], reader: str, language: str
) -> None:
    page = _open(browser, served, reader, language)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    axe = Axe()
    for names in served[1].addresses[reader].values():
        for path in names.values():
            answer = page.goto(path)
            assert answer
            assert answer.status < 500, path
            assert page.locator("html").get_attribute("lang") == language
            complaints += [finding for look in LOOKS[language] for finding in _look(page, axe, *look)]
    page.context.close()
    assert not complaints, "\n".join(complaints)


def _look(page: Page, axe: Axe, screen: str, theme: str) -> Iterator[str]:
    """What axe finds (WCAG 2.2 A and AA, and its best practices), and whether the page is wider than the screen."""
    width, height = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    reach = page.evaluate("document.documentElement.scrollWidth")
    if reach > width:
        yield f"{page.url} ({screen}) is {reach} wide"
    for violation in axe.run(page).response["violations"]:
        places = [node["target"] for node in violation["nodes"]]
        yield f"{page.url} ({screen}, {theme}): {violation['id']}: {violation['help']} at {places[:3]}"


def test_no_language_is_forgotten() -> None:
    assert set(LOOKS) == set(available_languages())


def test_no_page_is_forgotten(served: tuple[str, World, Engine]) -> None:
    _address, world, engine = served
    opened = {route for addresses in world.addresses.values() for route in addresses}
    asked_for = {route.path for route in routes(create_app(Settings(), engine)) if "GET" in methods(route)}
    assert asked_for - opened == set()
