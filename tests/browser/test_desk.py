"""The desk's scripts in a real browser. The state is the form's own inputs, so that is what is looked at."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserType, Page, expect

from tests.browser.served_desk import OUTPUTS, ServedDesk

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
RANKS = """() => Object.fromEntries([...new FormData(document.querySelector('#desk'))]
    .filter(([name]) => name.startsWith('rank')).map(([name, value]) => [name[5], Number(value)]))"""


def press(desk: Page, *keys: str) -> None:
    for key in keys:
        desk.keyboard.press(key)


def ranks(desk: Page) -> dict[str, int]:
    found: dict[str, int] = desk.evaluate(RANKS)
    return found


def status(desk: Page) -> str:
    desk.wait_for_timeout(80)
    return desk.locator("[data-say]").inner_text()


def test_four_digits_rank_four_outputs(desk: Page) -> None:
    press(desk, "2", "4", "1", "3")
    assert ranks(desk) == {"a": 2, "b": 4, "c": 1, "d": 3}
    assert "1: C, 2: A, 3: D, 4: B" in status(desk)


def test_the_same_digit_or_an_equals_sign_makes_a_tie(desk: Page) -> None:
    press(desk, "1", "2", "2", "=")
    assert ranks(desk) == {"a": 1, "b": 2, "c": 2, "d": 2}
    assert "tied with B, C" in status(desk)
    expect(desk.locator("[data-line]")).to_have_value("A B=C=D")


def test_two_outputs_swap_without_a_false_tie(desk: Page) -> None:
    press(desk, "1", "2", "3", "4", "a", "2", "b", "1")
    assert ranks(desk) == {"a": 2, "b": 1, "c": 3, "d": 4}


def test_gaps_stay_open_while_ranking_and_close_when_sent(desk: Page, served_desk: ServedDesk) -> None:
    press(desk, "1", "4", "4", "4")
    assert ranks(desk) == {"a": 1, "b": 4, "c": 4, "d": 4}
    expect(desk.locator("[data-gap]")).to_have_text("Empty ranks close when you submit.")
    for letter in "abcd":
        press(desk, letter, "Shift+5")
    press(desk, "Control+Enter")
    desk.wait_for_url("**/submit")
    (sent,) = served_desk.sent_to("/submit")
    assert [sent[f"rank[{letter}]"] for letter in "abcd"] == ["1", "2", "2", "2"]
    assert sent["output[a][overall]"] == "5"
    assert sent["csrf_token"] == "token"
    assert sent["idempotency_key"] == "key"


def test_the_order_can_be_typed_in_one_line(desk: Page) -> None:
    press(desk, "r")
    desk.keyboard.type("c a=b d")
    assert ranks(desk) == {"c": 1, "a": 2, "b": 2, "d": 3}
    expect(desk.locator("[data-rank='2'] .chip")).to_have_count(2)


def test_half_steps_tie_and_untie(desk: Page) -> None:
    press(desk, "1", "2", "3", "4", "c", "Alt+ArrowUp")
    assert ranks(desk) == {"a": 1, "b": 2, "c": 2, "d": 3}
    press(desk, "Alt+ArrowUp")
    assert ranks(desk) == {"a": 1, "b": 3, "c": 2, "d": 4}


def test_undo_takes_back_the_last_act_and_selects_what_changed(desk: Page) -> None:
    press(desk, "1", "2", "a", "u", "d", "z")
    expect(desk.locator("[name='output[a][hallucination]']")).not_to_be_checked()
    expect(desk.locator("[data-output='a']")).to_have_attribute("aria-current", "true")
    press(desk, "z")
    assert ranks(desk) == {"a": 1}


def test_a_chip_dragged_into_a_lane_is_ranked_and_between_two_lanes_inserted(desk: Page) -> None:
    press(desk, "1", "2", "3")
    drag(desk, "[data-letter='d']", "[data-rank='1']")
    assert ranks(desk) == {"a": 1, "b": 2, "c": 3, "d": 1}
    drag(desk, "[data-letter='c']", "[data-before='2']")
    assert ranks(desk) == {"a": 1, "d": 1, "c": 2, "b": 3}


def drag(desk: Page, what: str, where: str, above: int = 0) -> None:
    chip, target = desk.locator(what).bounding_box(), desk.locator(where).bounding_box()
    assert chip is not None
    assert target is not None
    x, y = chip["x"] + chip["width"] / 2, chip["y"] + chip["height"] / 2
    to_x, to_y = target["x"] + target["width"] - 8, target["y"] + target["height"] / 2 - above
    desk.mouse.move(x, y)
    desk.mouse.down()
    desk.mouse.move(x + 6, y, steps=3)
    desk.mouse.move(to_x, to_y, steps=12)
    desk.wait_for_timeout(50)
    desk.mouse.move(to_x - 2, to_y)
    desk.wait_for_timeout(50)
    desk.mouse.up()


def test_nine_chips_are_dragged_into_lanes_tied_and_inserted(page: Page, served_desk: ServedDesk) -> None:
    served_desk.outputs = tuple(f"Answer {number}." for number in range(9))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    for place, letter in enumerate("abcdefghi", start=1):
        drag(page, f"[data-letter='{letter}']", f"[data-rank='{10 - place}']")
    assert ranks(page) == {letter: 9 - place for place, letter in enumerate("abcdefghi")}
    drag(page, "[data-letter='a']", "[data-rank='1']")
    assert ranks(page)["a"] == ranks(page)["i"] == 1
    drag(page, "[data-letter='b']", "[data-before='2']")
    assert page.locator("[data-line]").input_value() == "A=I B H G F E D C"
    drag(page, "[data-letter='c']", "[data-rank='0']")
    assert "c" not in ranks(page)
    press(page, "z", "z")
    assert page.locator("[data-line]").input_value() == "A=I H G F E D C B"


@pytest.mark.parametrize("above", [-5, 0, 5])
def test_a_slot_is_hit_from_the_edges_of_the_lanes_beside_it(desk: Page, above: int) -> None:
    press(desk, "1", "2", "3", "4")
    drag(desk, "[data-letter='d']", "[data-before='2']", above)
    assert ranks(desk) == {"a": 1, "d": 2, "b": 3, "c": 4}


def test_what_is_missing_is_named_and_nothing_is_sent(desk: Page, served_desk: ServedDesk) -> None:
    press(desk, "1", "2", "Control+Enter")
    assert "Still to rank: C, D. Still to rate: A, B, C, D." in status(desk)
    assert served_desk.sent_to("/submit") == []


def test_comparing_marks_the_difference_and_gives_the_text_back(desk: Page) -> None:
    text = desk.locator("[data-output='a'] .text")
    before = text.inner_html()
    press(desk, "a", "Shift+C")
    assert desk.locator("[data-output='a'] mark.differs").all_inner_texts() == ["English"]
    expect(desk.locator("[data-output='b']")).to_be_hidden()
    press(desk, "2")
    press(desk, "Escape")
    assert text.inner_html() == before
    assert ranks(desk) == {"a": 2}


def test_a_draft_reaches_the_server_and_only_then_leaves_the_device(desk: Page, served_desk: ServedDesk) -> None:
    with desk.expect_response("**/draft") as answer:
        press(desk, "3")
    assert answer.value.request.headers["x-csrf-token"] == "token"
    expect(desk.locator("[data-save]")).to_have_attribute("data-save", "saved")
    assert served_desk.sent_to("/draft")[0]["rank[a]"] == "3"
    assert desk.evaluate("localStorage.getItem('rondo:draft:1')") is None


@pytest.mark.parametrize("answer", [500, 401, 403, 409])
def test_work_the_server_did_not_take_comes_back_after_a_reload(
    page: Page, served_desk: ServedDesk, answer: int
) -> None:
    served_desk.draft_answer = answer
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    with page.expect_response("**/draft"):
        press(page, "3", "Shift+2")
    page.reload()
    page.wait_for_selector("form.ready")
    assert ranks(page) == {"a": 3}
    expect(page.locator("[name='output[b][overall]'][value='2']")).to_be_checked()


@pytest.mark.parametrize("answer", [401, 403])
def test_who_is_signed_out_is_told_and_goes_on_after_signing_in(
    page: Page, served_desk: ServedDesk, answer: int
) -> None:
    served_desk.draft_answer = answer
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    press(page, "3")
    save = page.locator("[data-save]")
    expect(save).to_have_attribute("data-save", "signed_out")
    expect(page.get_by_role("alert")).to_contain_text("Your work is kept on this device")
    with page.expect_popup() as signing_in:
        page.get_by_role("button", name="Sign in").click()
    assert "/sign-in?next=" in signing_in.value.url
    served_desk.draft_answer = 200
    signing_in.value.close()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(save).to_have_attribute("data-save", "saved")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert ranks(page) == {"a": 3}
    assert served_desk.sent_to("/draft")[-1]["rank[a]"] == "3"


def test_a_token_that_is_refused_though_it_is_new_is_not_tried_without_pause(
    page: Page, served_desk: ServedDesk
) -> None:
    served_desk.draft_answer, served_desk.state_answer = 403, 200
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    press(page, "3")
    expect(page.locator("[data-save]")).to_have_attribute("data-save", "unreachable")
    page.wait_for_timeout(300)
    assert len(served_desk.sent_to("/draft")) == 2
    served_desk.draft_answer = 200
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("[data-save]")).to_have_attribute("data-save", "saved")


@pytest.fixture
def keeping_pages(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[Page]:
    """In a browser that keeps the page alive which it leaves; playwright turns that off."""
    flags = ["--disable-back-forward-cache"]
    browser = browser_type.launch(**browser_type_launch_args, ignore_default_args=flags)
    yield browser.new_page()
    browser.close()


TELL = "addEventListener('pageshow', ({ persisted }) => sessionStorage.setItem('kept', persisted))"


def come_back(page: Page, served_desk: ServedDesk) -> None:
    """To a page that tells by itself that it was kept alive meanwhile."""
    page.wait_for_selector("form.ready")
    page.evaluate("history.back()")
    page.wait_for_url(served_desk.url)
    page.wait_for_selector("form.ready")
    page.wait_for_function("sessionStorage.getItem('kept') === 'true'")


def test_a_page_that_was_kept_alive_is_asked_for_anew_and_has_what_was_not_saved(
    keeping_pages: Page, served_desk: ServedDesk
) -> None:
    page, served_desk.draft_answer = keeping_pages, 500
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    with page.expect_response("**/draft"):
        press(page, "3")
    served_desk.draft_answer = 200
    page.evaluate(TELL)
    page.evaluate("location.assign('/elsewhere')")
    page.wait_for_url("**/elsewhere")
    come_back(page, served_desk)
    expect(page.locator("[data-save]")).to_have_attribute("data-save", "saved")
    assert ranks(page) == {"a": 3}


def test_back_to_a_page_that_was_kept_alive_when_it_was_submitted_sends_nothing(
    keeping_pages: Page, served_desk: ServedDesk
) -> None:
    page = keeping_pages
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    for letter, rank in zip("abcd", "1234", strict=True):
        press(page, letter, "Shift+5", letter, rank)
    page.evaluate(TELL)
    press(page, "Control+Enter")
    page.wait_for_url("**/submit")
    come_back(page, served_desk)
    page.wait_for_timeout(200)
    assert len(served_desk.sent_to("/submit")) == 1
    press(page, "a", "2")
    expect(page.locator("[data-save]")).to_have_attribute("data-save", "saved")


def test_work_comes_back_though_the_clock_of_the_device_is_slow(page: Page, served_desk: ServedDesk) -> None:
    served_desk.draft_answer = 500
    served_desk.saved_at = datetime.now(UTC) + timedelta(hours=1)  # as it looks from a device an hour behind
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    with page.expect_response("**/draft"):
        press(page, "3")
    page.reload()
    page.wait_for_selector("form.ready")
    assert ranks(page) == {"a": 3}


def test_keys_sleep_while_one_writes(desk: Page) -> None:
    press(desk, "/")
    desk.keyboard.type("a 1 = z")
    assert ranks(desk) == {}
    expect(desk.locator("[name='output[a][notes]']")).to_have_value("a 1 = z")


def test_a_single_output_is_rated_by_its_digit(page: Page, served_desk: ServedDesk) -> None:
    served_desk.template, served_desk.outputs = "desk/rate.html", OUTPUTS[:1]
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    press(page, "6", "u", "Control+Enter")
    page.wait_for_url("**/submit")
    (sent,) = served_desk.sent_to("/submit")
    assert sent["output[a][overall]"] == "6"
    assert sent["output[a][hallucination]"] == "1"


def test_without_script_the_page_is_a_form_that_can_be_sent(browser: Browser, served_desk: ServedDesk) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served_desk.url)
    for letter, rank in {"a": 1, "b": 2, "c": 2, "d": 4}.items():
        page.check(f"[name='rank[{letter}]'][value='{rank}']", force=True)
        page.check(f"[name='output[{letter}][overall]'][value='3']", force=True)
    expect(page.locator(".rail")).to_be_hidden()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/submit")
    assert served_desk.sent_to("/submit")[0]["rank[d]"] == "4"
    context.close()


def test_a_demonstration_is_drafted_while_written_and_sent_by_a_chord(page: Page, served_desk: ServedDesk) -> None:
    served_desk.template = "desk/demonstrate.html"
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    press(page, "Control+Enter")
    assert status(page) == "There is no text yet."
    page.keyboard.type("The Mill is a pub.")
    expect(page.locator("[data-save]")).to_have_attribute("data-save", "saved")
    assert served_desk.sent_to("/draft")[-1]["text"] == "The Mill is a pub."
    press(page, "Control+Enter")
    page.wait_for_url("**/submit")
    assert served_desk.sent_to("/submit")[0]["text"] == "The Mill is a pub."


def test_the_browser_says_in_which_zone_the_labelers_days_begin(browser: Browser, served_desk: ServedDesk) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    page.wait_for_function("document.cookie")
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    assert cookies == {"rondo-zone": "Asia/Tokyo"}
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_desk_is_accessible(
    browser: Browser, served_desk: ServedDesk, width: int, theme: Literal["light", "dark"]
) -> None:
    """axe needs a way past the security policy to look into the page."""
    context = browser.new_context(bypass_csp=True, color_scheme=theme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    for keys in [(), ("1", "2", "2", "u"), ("Shift+C",), ("?",)]:
        press(page, *keys)
        page.wait_for_timeout(100)
        found = Axe().run(page, options=WCAG)
        assert found.response["violations"] == [], found.generate_report()
    context.close()
