"""Nothing is lost: drafts on leaving, off line, in two windows, with double clicks and the back button."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import Engine, update

from app.campaigns.models import CampaignKind
from app.db import transaction
from app.tasks.models import Assignment, AssignmentState, Task
from tests.browser.world import World, chosen_ranks, open_desk, press, rate_all, working


@pytest.fixture
def world(fresh_database: Engine) -> Iterator[World]:
    with working(fresh_database) as world:
        yield world


@pytest.fixture
def labeler(context: BrowserContext, world: World) -> BrowserContext:
    context.set_default_timeout(60_000)
    world.let_in(context)
    return context


def kept(page: Page) -> int:
    """How many copies the device holds."""
    number: int = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('rondo:draft:')).length")
    return number


def save_state(page: Page, state: str) -> None:
    expect(page.locator("[data-save]")).to_have_attribute("data-save", state, timeout=30_000)


def judge_all(page: Page) -> None:
    press(page, "2", "1", "2", "4")
    rate_all(page, "abcd", 5)


def test_a_draft_is_saved_within_a_second_and_while_one_goes_on_typing(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    press(page, "/")
    with page.expect_request("**/draft") as saving:
        page.keyboard.type("a long note without a pause", delay=200)
    assert (saving.value.post_data_json or {})["output[a][notes]"] != "a long note without a pause"
    page.evaluate("document.activeElement.value += '!'")
    moment = page.evaluate("""() => new Promise((done) => {
        const before = performance.now(), fetched = window.fetch;
        window.fetch = (...request) => { done(performance.now() - before); return fetched(...request); };
        document.activeElement.dispatchEvent(new InputEvent('input', { bubbles: true }));
    })""")
    assert moment < 1000
    save_state(page, "saved")
    assert world.draft()["output[a][notes]"].endswith("!")


def test_leaving_the_page_saves_at_once(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    press(page, "3")
    page.goto("about:blank")
    again = open_desk(labeler, world)
    assert chosen_ranks(again) == {"a": 3}
    assert world.draft()["rank[a]"] == "3"


def test_off_line_the_work_stays_on_the_device_and_is_sent_when_back(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    labeler.set_offline(True)
    press(page, "3")
    expect(page.locator("[data-save]")).to_have_text("Offline: kept on this device")
    assert kept(page) == 1
    assert world.draft() == {}
    labeler.set_offline(False)
    save_state(page, "saved")
    assert world.draft()["rank[a]"] == "3"
    assert kept(page) == 0


def test_what_was_typed_off_line_is_there_when_the_page_is_opened_again(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    press(page, "3")
    save_state(page, "saved")
    labeler.set_offline(True)
    press(page, "a", "1")
    page.close()
    labeler.set_offline(False)
    again = open_desk(labeler, world)
    assert chosen_ranks(again) == {"a": 1}
    save_state(again, "saved")


def test_who_signed_in_anew_elsewhere_goes_on_unasked(labeler: BrowserContext, world: World) -> None:
    """The page's token is of the sign-in before: the draft is refused, and sent again with a new one."""
    page = open_desk(labeler, world)
    world.let_in(labeler)
    with page.expect_response("**/draft") as refused:
        press(page, "3")
    assert refused.value.status == 403
    save_state(page, "saved")
    assert world.draft()["rank[a]"] == "3"
    expect(page.locator(".about-saving")).to_have_count(0)


def test_whose_sign_in_ended_is_told_and_goes_on_after_signing_in(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    labeler.clear_cookies()
    with page.expect_response("**/draft") as refused:
        press(page, "3")
    assert refused.value.status == 401
    save_state(page, "signed_out")
    expect(page.get_by_role("alert")).to_contain_text("You are signed out. Your work is kept on this device")
    assert world.draft() == {}
    world.let_in(labeler)
    page.evaluate("dispatchEvent(new Event('focus'))")
    save_state(page, "saved")
    assert world.draft()["rank[a]"] == "3"
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_submission_off_line_waits_and_is_sent_when_back(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    judge_all(page)
    labeler.set_offline(True)
    press(page, "Control+Enter")
    expect(page.locator("[data-say]")).to_contain_text("This is sent as soon as it answers")
    before = page.url
    labeler.set_offline(False)
    page.wait_for_url(lambda url: url != before)
    assert [annotation.kind for annotation in world.annotations()] == ["ranking"]
    assert kept(page) == 0


def test_a_submission_whose_answer_was_lost_is_sent_again_and_counts_once(
    labeler: BrowserContext, world: World
) -> None:
    page = open_desk(labeler, world)
    judge_all(page)
    answers = iter([False, True])

    def lose_the_first_answer(route: Route) -> None:
        answer = route.fetch()
        if next(answers):
            route.fulfill(response=answer)
        else:
            route.abort()

    page.route("**/submit", lose_the_first_answer)
    before = page.url
    press(page, "Control+Enter")
    save_state(page, "waiting")
    page.wait_for_url(lambda url: url != before)
    assert len(world.annotations()) == 1


def test_a_double_click_submits_once(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    judge_all(page)
    before = page.url
    page.locator("[data-submit]").dblclick()
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector("form.ready")
    assert len(world.annotations()) == 1


def test_the_older_of_two_windows_says_so_and_can_take_over(labeler: BrowserContext, world: World) -> None:
    older = open_desk(labeler, world)
    press(older, "1")
    save_state(older, "saved")
    newer = open_desk(labeler, world)
    expect(older.locator(".about-saving")).to_contain_text("open in another window")
    press(newer, "b", "2")
    save_state(newer, "saved")
    press(older, "c", "4")
    save_state(older, "conflict")
    assert world.draft().get("rank[c]") is None
    older.get_by_role("button", name="Go on in this window").click()
    save_state(older, "saved")
    assert world.draft()["rank[c]"] == "4"
    expect(newer.locator(".about-saving")).to_contain_text("open in another window")
    press(newer, "d", "3")
    assert chosen_ranks(newer) == {"a": 1, "b": 2, "d": 3}


def test_two_devices_tell_each_other_apart_through_the_server(
    labeler: BrowserContext, world: World, browser: Browser
) -> None:
    here, elsewhere = labeler, browser.new_context()
    world.let_in(elsewhere)
    older, newer = open_desk(here, world), open_desk(elsewhere, world)
    press(newer, "b", "2")
    save_state(newer, "saved")
    press(older, "c", "4")
    save_state(older, "conflict")
    assert "rank[c]" not in world.draft()
    older.reload()
    older.wait_for_selector("form.ready")
    assert chosen_ranks(older) == {"b": 2}
    older.get_by_role("button", name="Show it").click()
    assert chosen_ranks(older) == {"c": 4}


def test_a_window_learns_that_the_task_was_submitted_in_another(labeler: BrowserContext, world: World) -> None:
    older, newer = open_desk(labeler, world), open_desk(labeler, world)
    judge_all(newer)
    before = newer.url
    press(newer, "Control+Enter")
    newer.wait_for_url(lambda url: url != before)
    expect(older.locator(".about-saving")).to_contain_text("was submitted in another window")
    older.get_by_role("button", name="Show what is there").click()
    older.wait_for_selector("form.ready")
    assert chosen_ranks(older) == {"a": 2, "b": 1, "c": 2, "d": 3}


def test_the_back_button_shows_what_was_submitted_as_a_revision(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    judge_all(page)
    before = page.url
    press(page, "Control+Enter")
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector("form.ready")
    page.go_back()
    page.wait_for_selector("form.ready")
    expect(page.locator("h1")).to_contain_text("Revision")
    assert chosen_ranks(page) == {"a": 2, "b": 1, "c": 2, "d": 3}
    press(page, "d", "1", "Control+Enter")
    page.wait_for_url("**/history")
    assert [(each.revision, each.current) for each in world.annotations()] == [(1, False), (2, True)]


def test_back_to_a_page_that_was_asked_about_sends_nothing(labeler: BrowserContext, world: World) -> None:
    """That page answers a POST: asked for again it would be sent again."""
    page = open_desk(labeler, world)
    before = page.url
    press(page, "1", "1", "1", "1")
    rate_all(page, "abcd", 5)
    press(page, "Control+Enter")
    page.wait_for_selector("form.ready .doubts:modal")
    assert page.url == before
    press(page, "Control+Enter")
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector("form.ready")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.go_back()
    page.wait_for_selector("form.ready")
    expect(page.locator("h1")).to_contain_text("Revision")
    page.reload()
    page.wait_for_selector("form.ready")
    assert chosen_ranks(page) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert [address for address in sent if address.endswith("/submit")] == []
    assert len(world.annotations()) == 1


def test_a_reload_of_a_page_that_was_asked_about_keeps_what_was_typed(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    press(page, "1", "1", "1", "1")
    rate_all(page, "abcd", 5)
    press(page, "Control+Enter")
    page.wait_for_selector("form.ready .doubts:modal")
    page.reload()
    page.wait_for_selector("form.ready")
    expect(page.locator(".doubts")).to_have_count(0)
    assert chosen_ranks(page) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert world.annotations() == []


def test_a_lease_that_ran_out_still_submits(labeler: BrowserContext, world: World) -> None:
    page = open_desk(labeler, world)
    judge_all(page)
    save_state(page, "saved")
    with transaction(world.engine) as session:
        session.execute(update(Assignment).values(state=AssignmentState.EXPIRED))
        session.execute(update(Task).values(remaining=0))
    press(page, "Control+Enter")
    expect(page.get_by_text("marked as surplus")).to_be_visible()
    assert [annotation.surplus for annotation in world.annotations()] == [True]


def test_text_written_on_after_a_skip_elsewhere_is_kept_and_can_be_sent(
    fresh_database: Engine, context: BrowserContext
) -> None:
    with working(fresh_database, CampaignKind.DEMONSTRATE) as world:
        world.let_in(context)
        page, other = open_desk(context, world), open_desk(context, world)
        here = page.url
        page.get_by_role("button", name="Go on in this window").click()
        save_state(page, "saved")
        other.locator(".skip summary").click()
        other.get_by_label("Why should this task be skipped?").fill("unclear")
        other.get_by_role("button", name="Skip the task").click()
        other.wait_for_load_state()
        page.locator("textarea[name=text]").fill("Fifteen minutes of work")
        expect(page.locator(".about-saving")).to_contain_text("was skipped in another window")
        press(page, "Control+Enter")
        expect(page.get_by_role("alert").first).to_contain_text("You skipped this task in another window")
        expect(page.locator("textarea[name=text]")).to_have_value("Fifteen minutes of work")
        page.wait_for_selector("form.ready")
        press(page, "Control+Enter")
        page.wait_for_url(lambda url: url != here)
        assert [(each.kind, each.current) for each in world.annotations()] == [("skip", False), ("demonstration", True)]
