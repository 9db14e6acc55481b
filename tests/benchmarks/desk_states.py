"""What a desk looks like in the middle of the work: every state that no address leads to, reached by its keys."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import Engine, update

from app.db import transaction
from app.tasks.models import Assignment

READER = "at-compare"


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def _rated_and_ranked(page: Page, ranks: str) -> None:
    for letter, rank in zip("abcdefghi", ranks, strict=True):
        _press(page, letter, "Shift+5", rank)


def _incomplete(page: Page) -> None:
    _press(page, "a", "Shift+6", "1", "b", "2", "Control+Enter")


def _offline(page: Page) -> None:
    page.context.set_offline(True)
    _press(page, "a", "3")
    page.locator("[data-save=unsaved], [data-save=device], [data-save=offline]").first.wait_for(timeout=5_000)


def _doubted(page: Page) -> None:
    _rated_and_ranked(page, "111111111")
    _press(page, "Control+Enter")
    page.locator(".doubts").wait_for()


STATES: dict[str, Callable[[Page], None]] = {
    "keys": lambda page: _press(page, "?"),
    "two side by side": lambda page: _press(page, "Shift+B"),
    "what is shared dimmed": lambda page: _press(page, ","),
    "as it was written": lambda page: _press(page, "."),
    "one column": lambda page: _press(page, "w"),
    "guidelines": lambda page: _press(page, "Alt+g"),
    "skipping": lambda page: page.locator("details.skip > summary").click(),
    "other ways": lambda page: page.locator("details.other-ways > summary").click(),
    "half ranked": lambda page: _press(page, "4", "1", "1", "2"),
    "ranked": lambda page: _rated_and_ranked(page, "321123321"),
    "incomplete": _incomplete,
    "offline": _offline,
    "asked about": _doubted,
}


def pictures_of_states(context: BrowserContext, path: str, engine: Engine, folder: Path) -> int:
    """Each begins on an untouched desk."""
    for name, reach in STATES.items():
        with transaction(engine) as session:
            session.execute(update(Assignment).values(draft=None, draft_version=0, draft_saved_at=None))
        page = context.new_page()
        page.goto(path, wait_until="networkidle")
        page.evaluate("localStorage.clear()")
        page.reload(wait_until="networkidle")
        page.locator("form.ready").wait_for()
        reach(page)
        page.wait_for_timeout(300)  # what moves has moved
        page.screenshot(path=folder / f"{READER}-desk,-{name.replace(' ', '-')}.png")
        context.set_offline(False)
        page.close(run_before_unload=False)
    return len(STATES)
