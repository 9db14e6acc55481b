"""A labeler qualifies in a browser: the same desk, the same keys."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.quality.screening.models import Attempt, AttemptState, Part
from app.tasks.models import Assignment
from tests.app.quality.screening.screened import make_screening
from tests.browser.live import live
from tests.browser.world import World, press, rate_all
from tests.factories import make_labeler

LETTERS = "abcd"


@pytest.fixture
def world(fresh_database: Engine) -> Iterator[World]:
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        make_screening(session, (Part.RANKINGS,), tasks=1, topics=("religion",), needed_topics=("religion",))
    with live(fresh_database) as url:
        yield World(url, fresh_database, labeler)


def rank_as_known(page: Page, world: World) -> None:
    """The older an output, the better."""
    with Session(world.engine) as session:
        shown = session.scalars(select(Assignment.shown_order)).one()
    place = {number: str(rank) for rank, number in enumerate(sorted(shown), start=1)}
    rate_all(page, LETTERS, 4)
    for letter, number in zip(LETTERS, shown, strict=True):
        press(page, letter, place[number])


def test_a_labeler_qualifies_with_the_keys_of_the_desk(context: BrowserContext, world: World) -> None:
    world.let_in(context)
    page = context.new_page()
    page.goto(f"{world.url}/tasks")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("radio", name="Very comfortable").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Start with Rankings").click()
    page.wait_for_selector("form.ready")
    rank_as_known(page, world)
    press(page, "Control+Enter")
    page.wait_for_url("**/tasks")
    expect(page.get_by_text("You reached everything that was asked.")).to_be_visible()
    page.get_by_role("link", name="See how it went").click()
    expect(page.get_by_role("cell", name="100%")).to_be_visible()
    with Session(world.engine) as session:
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.state, attempt.comfort) == (AttemptState.PASSED, {"religion": 4})
