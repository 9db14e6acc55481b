"""From sign-in to the trainer, in a real browser against the real application and database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.service import create_user
from app.annotations.models import AnnotatedOutput, Annotation
from app.completions.models import Completion
from app.db import transaction
from app.projects.models import Project
from tests.arriving import Ranking, frozen_comparisons, rankings_in_file, rankings_in_trainer
from tests.browser.live import live
from tests.factories import make_open_campaign

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


@dataclass(frozen=True)
class World:
    """A served application, with one labeler and a comparison of five outputs that waits for her."""

    url: str
    engine: Engine


@pytest.fixture
def world(fresh_database: Engine) -> Iterator[World]:
    with transaction(fresh_database) as session:
        create_user(session, name="Ada", email=EMAIL, role=Role.LABELER, password=PASSWORD)
        make_open_campaign(session, outputs=5)
    with live(fresh_database) as url:
        yield World(url, fresh_database)


def sign_in_and_start(page: Page, world: World) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(world.url)
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/assignments/*")


def texts(page: Page) -> dict[str, str]:
    """What each output says, by its letter."""
    cards = page.locator("[data-output]").all()
    return {str(card.get_attribute("data-output")): card.locator(".text").inner_text().strip() for card in cards}


def stored_ranking(session: Session) -> Ranking:
    """Of the one annotation there is."""
    annotation = session.scalars(select(Annotation)).one()
    query = (
        select(Completion.text, AnnotatedOutput.rank)
        .join(AnnotatedOutput, AnnotatedOutput.completion_id == Completion.id)
        .where(AnnotatedOutput.annotation_id == annotation.id)
    )
    return {str(text): int(rank or 0) for text, rank in session.execute(query)}


def assert_arrived(world: World, files: Path, chosen: Ranking) -> None:
    """In the database, in `comparisons.jsonl` and in the trainer."""
    with Session(world.engine) as session:
        assert stored_ranking(session) == chosen
        comparisons = frozen_comparisons(session, files, session.scalars(select(Project)).one())
        assert rankings_in_file(comparisons) == [chosen]
        assert rankings_in_trainer(comparisons) == [chosen]
        assert {rating["overall"] for rating in comparisons[0].ratings} == {6}


def test_a_ranking_with_ties_made_by_keys_arrives_in_the_trainer(page: Page, world: World, tmp_path: Path) -> None:
    sign_in_and_start(page, world)
    page.wait_for_selector("form.ready")
    shown = texts(page)
    for key in ("3", "1", "3", "5", "1"):
        page.keyboard.press(key)
    for letter in shown:
        page.keyboard.press(letter)
        page.keyboard.press("Shift+6")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("That was the last task for you")).to_be_visible()
    assert_arrived(world, tmp_path, dict(zip(shown.values(), (2, 1, 2, 3, 1), strict=True)))


def test_the_same_ranking_is_made_without_script(browser: Browser, world: World, tmp_path: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in_and_start(page, world)
    shown = texts(page)
    ranks = dict(zip(shown, (3, 1, 3, 5, 1), strict=True))
    for letter, rank in ranks.items():
        page.locator(f"[name='rank[{letter}]'][value='{rank}']").check(force=True)
        page.locator(f"[name='output[{letter}][overall]'][value='6']").check(force=True)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("That was the last task for you")).to_be_visible()
    page.context.close()
    assert_arrived(world, tmp_path, dict(zip(shown.values(), (2, 1, 2, 3, 1), strict=True)))


def test_a_draft_survives_a_reload_on_another_device(page: Page, browser: Browser, world: World) -> None:
    sign_in_and_start(page, world)
    page.wait_for_selector("form.ready")
    page.keyboard.press("2")
    page.keyboard.press("a")
    page.keyboard.press("u")
    expect(page.locator("[data-save]")).to_contain_text("Saved")
    elsewhere = browser.new_context().new_page()
    elsewhere.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    elsewhere.goto(page.url)
    expect(elsewhere.locator("[name='rank[a]'][value='2']")).to_be_checked()
    expect(elsewhere.locator("[name='output[a][hallucination]']")).to_be_checked()
    elsewhere.context.close()


def test_a_skip_says_why(page: Page, world: World) -> None:
    sign_in_and_start(page, world)
    page.locator(".skip summary").click()
    page.get_by_label("Why should this task be skipped?").fill("I cannot judge this subject")
    page.get_by_role("button", name="Skip the task").click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    with Session(world.engine) as session:
        assert session.scalars(select(Annotation.skip_reason)).one() == "I cannot judge this subject"
