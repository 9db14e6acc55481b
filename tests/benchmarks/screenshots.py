"""Pictures of every page, in every language and theme, wide and on a phone:

    python -m tests.benchmarks.screenshots --out FOLDER [--only WORD] [--look WORD]

A PNG a page, named for language, theme, screen and page, of the small world that the tests look at (`tests.world`).
`--only` takes the pages of which reader, name or address has the word: labeler, form, /tasks. The desk for comparisons
comes in each state that its work leads through: `--only state` takes these alone.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright
from sqlalchemy import Engine

from app import schema
from app.accounts.service import choose_language
from app.config import Settings
from app.db import connect, transaction
from app.embedded import running
from app.storage import psycopg_url
from app.translation import available_languages
from tests.benchmarks import desk_states
from tests.browser.conftest import NAMES
from tests.browser.live import live
from tests.world import DESK, World, make_world

SCREENS = {"wide": (1440, 900), "phone": (390, 844)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@contextmanager
def served_world() -> Iterator[tuple[str, World, Engine]]:
    """On a database of its own, gone afterwards."""
    import app.tables  # noqa: F401

    with TemporaryDirectory(prefix="rondo-pictures-") as folder, running(Path(folder) / "database") as server:
        engine = connect(psycopg_url(server.url("postgres")))
        schema.upgrade(engine)
        settings = Settings(home=Path(folder))
        with transaction(engine) as session:
            world = make_world(session, settings.files)
        with live(engine, settings) as address:
            yield address, world, engine
        engine.dispose()


@dataclass(frozen=True)
class Wanted:
    out: Path
    only: str
    look: str


def take_pictures(browser: Browser, address: str, world: World, engine: Engine, wanted: Wanted) -> int:
    taken = 0
    for language, reader in product(available_languages(), world.addresses):
        if reader in world.people:
            with transaction(engine) as session:
                choose_language(session, session.merge(world.people[reader]), language)
        for theme, screen in product(THEMES, SCREENS):
            folder = wanted.out / f"{language}-{theme}-{screen}"
            if wanted.look not in folder.name:
                continue
            with _context(browser, address, language, theme, screen) as context:
                if reader in world.people:
                    context.add_cookies([{"name": "rondo-session", "value": world.sessions[reader], "url": address}])
                taken += _walk(context, world, reader, folder, wanted.only)
                if reader == desk_states.READER and wanted.only in f"{reader} desk state":
                    desk = world.addresses[reader][DESK]["desk"]
                    taken += desk_states.pictures_of_states(context, desk, engine, folder)
    return taken


@contextmanager
def _context(
    browser: Browser, address: str, language: str, theme: Literal["light", "dark"], screen: str
) -> Iterator[BrowserContext]:
    width, height = SCREENS[screen]
    size = ViewportSize(width=width, height=height)
    context = browser.new_context(
        base_url=address,
        locale=language,
        color_scheme=theme,
        viewport=size,
        reduced_motion="reduce",
    )
    yield context
    context.close()


def _walk(context: BrowserContext, world: World, reader: str, folder: Path, only: str) -> int:
    page = context.new_page()
    taken = 0
    for route, names in world.addresses[reader].items():
        for name, path in names.items():
            if only in f"{reader} {name} {route}":
                page.goto(path, wait_until="networkidle")
                file = folder / f"{reader}-{name.replace(' ', '-')}.png"
                page.screenshot(path=file, full_page=True)
                taken += 1
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", help="a word in the reader's or page's name, or in its address")
    parser.add_argument("--look", default="", help="a word in the folder's name: zh, dark, en-light-phone")
    wanted = Wanted(**vars(parser.parse_args()))
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright, served_world() as (address, world, engine):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        taken = take_pictures(browser, address, world, engine, wanted)
    print(f"{taken} pictures in {wanted.out}")


if __name__ == "__main__":
    main()
