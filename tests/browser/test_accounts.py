"""An admin and a labeler come in, in a real browser, on pages that everybody can use."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from app.accounts.invitations import invite_first_admin
from app.accounts.models import Role
from app.accounts.sessions import begin_session
from app.db import transaction
from tests.browser.live import live
from tests.factories import make_user


@pytest.fixture
def site(fresh_database: Engine) -> Iterator[str]:
    with live(fresh_database) as address:
        yield address


def assert_accessible(page: Page) -> None:
    """WCAG 2.2 A and AA and the best practices of axe-core, in both themes."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if theme == "light" else "dark")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url} ({theme}): {found.generate_report()}"


def test_an_admin_comes_in_and_invites_a_labeler(page: Page, site: str, fresh_database: Engine) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    with transaction(fresh_database) as session:
        token = invite_first_admin(session)

    page.goto(f"{site}/invitations/{token}")
    assert_accessible(page)
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Create my account").click()
    expect(page.get_by_role("link", name="Ada")).to_be_visible()

    page.goto(f"{site}/users/invitations/new")
    page.get_by_label("Email address").fill("grace@example.org")
    page.get_by_label("Cohort").select_option("held_out")
    page.get_by_role("button", name="Make the link").click()
    assert_accessible(page)
    link = page.get_by_label("Link").input_value()

    for path in ("/users", "/users/1", "/account"):
        page.goto(site + path)
        assert_accessible(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert_accessible(page)

    page.goto(link)
    page.get_by_label("Your name").fill("Grace")
    page.get_by_label("Password").fill("another horse battery")
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url(f"{site}/tasks")
    assert complaints == []


def test_errors_are_accessible_too(page: Page, site: str) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_label("Email address").fill("nobody@example.org")
    page.get_by_label("Password").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("is not right")).to_be_visible()
    assert_accessible(page)
    page.goto(f"{site}/nowhere")
    assert_accessible(page)


def test_a_visitor_chooses_a_language_with_one_press(page: Page, site: str) -> None:
    page.goto(f"{site}/sign-in?next=/account")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    assert page.url == f"{site}/sign-in?next=/account"
    assert_accessible(page)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_on_a_phone_the_area_that_is_open_is_in_view(page: Page, site: str, fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        token = begin_session(session, make_user(session, Role.ADMIN))
    page.context.add_cookies([{"name": "rondo-session", "value": token, "url": site}])
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site}/users")
    expect(page.get_by_role("navigation", name="Areas").get_by_role("link", name="Users")).to_be_in_viewport(ratio=0.9)
