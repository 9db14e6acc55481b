"""Planning a round in a browser: the page answers while it is filled in."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.accounts.models import Role
from app.accounts.sessions import begin_session
from app.campaigns.models import CampaignKind
from app.config import Settings
from app.db import transaction
from tests.browser.live import live
from tests.factories import make_campaign, make_project, make_user

SHOTS = os.environ.get("RONDO_SHOTS")  # a folder for pictures of what a test saw


@pytest.fixture
def planning(browser: Browser, clone, tmp_path: Path) -> Iterator[Page]:
    import app.tables  # noqa: F401

    settings = Settings(home=tmp_path)
    with clone() as engine:
        with transaction(engine) as session:
            project = make_project(session, "Sea and sky")
            make_campaign(session, project=project, name="Spring rankings")
            make_campaign(session, CampaignKind.DEMONSTRATE, project=project, name="First demonstrations")
            token, number = begin_session(session, make_user(session, Role.ADMIN)), project.id
        with live(engine, settings) as address:
            context = browser.new_context(base_url=address, reduced_motion="reduce")
            context.add_cookies([{"name": "rondo-session", "value": token, "url": address}])
            page = context.new_page()
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(f"/rounds/new?project={number}")
            yield page
            context.close()
            assert complaints == []


def _picture(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def test_the_dry_run_and_the_settings_follow_what_is_chosen(planning: Page) -> None:
    page = planning
    check = page.locator(".dry-run")
    expect(check).to_contain_text("No demonstration of the training split is chosen")
    expect(check).to_contain_text("Train the policy (PPO)")
    steps = page.locator("input[name='settings[ppo][steps]']")
    assert steps.get_attribute("placeholder") == "60"
    steps.fill("7")
    page.get_by_label("A policy, without PPO").check()
    expect(check).to_contain_text("Align the policy with the rankings")
    expect(check).not_to_contain_text("Train the policy (PPO)")
    expect(page.locator("summary", has_text="PPO").nth(1)).to_contain_text("does not run in this round")
    page.get_by_label("Preset", exact=True).select_option("one-gpu")
    expect(steps).to_have_attribute("placeholder", "200")
    assert steps.input_value() == "7"
    page.get_by_label("Find a setting").fill("gradients")
    expect(page.locator(".setting.found").first).to_be_visible()
    _picture(page, "found")


def test_a_bad_value_is_marked_beside_its_field_and_nothing_is_started(planning: Page) -> None:
    page = planning
    page.get_by_label("A policy, by PPO").check()
    page.locator("input[name='settings[ppo][learning_rate]']").fill("-1")
    page.get_by_role("button", name="Start the round").click()
    wrong = page.locator(".setting.wrong")
    expect(wrong).to_contain_text("Setting `learning_rate` must be at least 0, not -1.0.")
    assert wrong.locator("input").input_value() == "-1"
    _picture(page, "wrong")


@pytest.mark.parametrize(("screen", "theme"), [((1440, 900), "light"), ((390, 844), "dark"), ((390, 844), "light")])
def test_the_page_with_everything_open_is_accessible(planning: Page, screen: tuple[int, int], theme: str) -> None:
    page = planning
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    _picture(page, f"plan-{screen[0]}-{theme}")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
