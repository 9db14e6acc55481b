"""The desk under a finger, on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.served_desk import ServedDesk
from tests.browser.world import chosen_ranks

LONG = tuple(f"# Answer {name}\n\n" + f"Sentence of answer {name}. " * 120 for name in "ABCDEFGHI")


@pytest.fixture(params=[4, 9])
def phone(browser: Browser, served_desk: ServedDesk, request: pytest.FixtureRequest) -> Iterator[Page]:
    served_desk.outputs = LONG[: request.param]
    size = {"width": 390, "height": 844}
    context = browser.new_context(viewport=size, has_touch=True, is_mobile=True, device_scale_factor=2)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    yield page
    assert complaints == []
    context.close()


def middle(page: Page, what: str) -> dict[str, float]:
    box = page.locator(what).bounding_box()
    assert box is not None, what
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


def drag_by_finger(page: Page, what: str, where: str) -> None:
    """With the pause by which a finger says that it means to drag, not to scroll."""
    start, end = middle(page, what), middle(page, where)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, points: list[dict[str, float]]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(40)

    send("touchStart", [start])
    page.wait_for_timeout(300)
    for step in range(1, 11):
        part = step / 10
        send("touchMove", [{axis: start[axis] + (end[axis] - start[axis]) * part for axis in ("x", "y")}])
    page.wait_for_timeout(100)
    send("touchEnd", [])
    page.wait_for_timeout(100)


def current(page: Page) -> str:
    return str(page.locator("[data-output][aria-current=true]").get_attribute("data-output"))


def test_a_finger_drags_a_chip_into_a_lane(phone: Page) -> None:
    drag_by_finger(phone, "[data-letter='b']", "[data-rank='3']")
    assert chosen_ranks(phone) == {"b": 3}
    drag_by_finger(phone, "[data-letter='a']", "[data-rank='3']")
    assert chosen_ranks(phone) == {"a": 3, "b": 3}
    drag_by_finger(phone, "[data-letter='b']", "[data-rank='0']")
    assert chosen_ranks(phone) == {"a": 3}


def test_a_finger_inserts_a_chip_between_two_lanes(phone: Page, served_desk: ServedDesk) -> None:
    order = "abcdefghi"[: len(served_desk.outputs)]
    for rank, letter in enumerate(order, start=1):
        phone.locator(f"[data-letter='{letter}'] button").tap()
        phone.locator("[data-lanes] button.lane-name").nth(rank - 1).tap()
    *others, last = order
    drag_by_finger(phone, f"[data-letter='{last}']", "[data-before='2']")
    inserted = ["a", last, *others[1:]]
    assert chosen_ranks(phone) == {letter: rank for rank, letter in enumerate(inserted, start=1)}


def test_lanes_stay_where_they_are_while_a_chip_is_moved(phone: Page) -> None:
    places = "() => [...document.querySelectorAll('.lane:not(.tray)')].map((lane) => lane.getBoundingClientRect().left)"
    before = phone.evaluate(places)
    phone.evaluate("document.querySelector('form').classList.add('dragging')")
    assert phone.evaluate(places) == before


def test_everything_is_done_by_taps_without_a_drag(phone: Page, served_desk: ServedDesk) -> None:
    count = len(served_desk.outputs)
    letters = "abcdefghi"[:count]
    for rank, letter in enumerate(letters, start=1):
        phone.locator(f"[data-letter='{letter}'] button").tap()
        phone.locator("[data-judge]:visible [data-type=scale] label").nth(4).tap()
        phone.locator("[data-lanes] button.lane-name").nth(rank - 1).tap()
    assert chosen_ranks(phone) == {letter: rank for rank, letter in enumerate(letters, start=1)}
    phone.locator("[data-submit]").tap()
    phone.wait_for_url("**/submit")
    (sent,) = served_desk.sent_to("/submit")
    assert [sent[f"output[{letter}][overall]"] for letter in letters] == ["5"] * count


def test_the_current_output_follows_the_reading(phone: Page) -> None:
    assert current(phone) == "a"
    phone.locator("[data-output='b']").evaluate("card => scrollTo(0, scrollY + card.getBoundingClientRect().top - 120)")
    expect(phone.locator("[data-output='b']")).to_have_attribute("aria-current", "true")
    phone.locator("[data-output='b'] .ranks label").nth(1).tap()
    assert chosen_ranks(phone) == {"b": 2}


def test_the_rank_bar_leaves_the_text_most_of_the_screen(phone: Page) -> None:
    rail, header = phone.locator(".rail").bounding_box(), phone.locator("[data-output='a'] > header").bounding_box()
    assert rail is not None
    assert header is not None
    assert rail["y"] + rail["height"] <= 844 + 1
    assert rail["y"] - (header["y"] + header["height"]) > 844 * 0.4
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_finger_must_hit_is_large_enough(phone: Page) -> None:
    """WCAG 2.2, 2.5.8: 24 pixels."""
    small = phone.evaluate("""() => [...document.querySelectorAll("button, summary, .scale label, .flag, a, input")]
        .filter((element) => element.checkVisibility() && !element.closest(".text, .prose, .scale label input"))
        .filter((element) => !element.matches("[type=radio], [type=checkbox], .skip-link"))
        .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
        .map(([html, box]) => `${html} ${box.width}x${box.height}`)""")
    assert small == []
