"""The desk by keyboard alone: how many presses it takes, on which keyboards, and what a screen reader hears."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.projects.forms import DESK_KEYS, FREE_KEYS, RatingForm
from app.projects.ready_made import flag
from tests.browser.served_desk import OUTPUTS, ServedDesk
from tests.browser.world import chosen_ranks, press

NINE = tuple(f"Answer number {number}." for number in range(9))
COUNT_PRESSES = """() => {
    window.presses = 0;
    addEventListener("keydown", ({ key }) => ["Shift", "Control", "Alt"].includes(key) || window.presses++, true);
}"""
LISTEN = """() => {
    window.heard = [];
    const status = document.querySelector("[data-say]");
    new MutationObserver(() => status.textContent && window.heard.push(status.textContent))
        .observe(status, { childList: true, characterData: true, subtree: true });
}"""


def open_with(page: Page, served_desk: ServedDesk, outputs: tuple[str, ...]) -> Page:
    served_desk.outputs = outputs
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    page.evaluate(COUNT_PRESSES)
    return page


def presses(page: Page) -> int:
    number: int = page.evaluate("window.presses")
    return number


def heard(page: Page) -> str:
    page.wait_for_timeout(80)
    last: str = page.evaluate("window.heard.at(-1)")
    return last


def strike(page: Page, key: str, code: str, **held: Any) -> None:
    """One press as a keyboard of another country sends it."""
    values = {"key": key, "code": code, "bubbles": True, "cancelable": True, **held}
    page.evaluate("values => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', values))", values)


@pytest.mark.parametrize("outputs", [OUTPUTS, NINE])
def test_ranking_in_shown_order_takes_one_press_an_output(
    page: Page, served_desk: ServedDesk, outputs: tuple[str, ...]
) -> None:
    open_with(page, served_desk, outputs)
    press(page, *(str(rank) for rank in range(len(outputs), 0, -1)))
    assert sorted(chosen_ranks(page).values()) == list(range(1, len(outputs) + 1))
    assert presses(page) == len(outputs)


@pytest.mark.parametrize("outputs", [OUTPUTS, NINE])
def test_picking_freely_takes_two_presses_an_output(
    page: Page, served_desk: ServedDesk, outputs: tuple[str, ...]
) -> None:
    open_with(page, served_desk, outputs)
    order = "abcdefghi"[: len(outputs)][::-1]
    for rank, letter in enumerate(order, start=1):
        press(page, letter, str(rank))
    assert chosen_ranks(page) == {letter: rank for rank, letter in enumerate(order, start=1)}
    assert presses(page) == 2 * len(outputs)


@pytest.mark.parametrize(("outputs", "most"), [(OUTPUTS, 9), (NINE, 19)])
def test_rating_ranking_and_submitting_takes_two_presses_an_output_and_one(
    page: Page, served_desk: ServedDesk, outputs: tuple[str, ...], most: int
) -> None:
    open_with(page, served_desk, outputs)
    for rank in range(1, len(outputs) + 1):
        press(page, "Shift+5", str(rank))
    counted = presses(page) + 1  # the last one leaves the page
    press(page, "Control+Enter")
    page.wait_for_url("**/submit")
    assert counted == most
    assert served_desk.sent_to("/submit")[0]["output[a][overall]"] == "5"


@pytest.mark.parametrize(
    ("key", "code", "held", "outcome"),
    [
        ("&", "Digit1", {}, {"b": 1}),  # AZERTY: digits are above
        ("3", "Numpad3", {}, {"b": 3}),
        ("=", "Digit0", {"shiftKey": True}, {"b": 2}),  # German
        ("=", "Equal", {}, {"b": 2}),
        ("0", "Digit0", {}, {}),
        ("1", "Digit1", {"isComposing": True}, {}),
        ("Process", "Digit1", {"keyCode": 229}, {}),  # the key that ends a composition
        ("1", "Digit1", {"ctrlKey": True}, {}),
        ("1", "Digit1", {"altKey": True}, {}),
    ],
)
def test_ranks_go_by_the_place_of_the_digit_on_any_keyboard(
    desk: Page, key: str, code: str, held: dict[str, Any], outcome: dict[str, int]
) -> None:
    press(desk, "2")
    strike(desk, key, code, **held)
    assert chosen_ranks(desk) == {"a": 2} | outcome


@pytest.mark.parametrize(
    ("key", "code", "picked"),
    [("с", "KeyC", "c"), ("d", "KeyD", "d"), ("b", "KeyN", "b"), ("ㅊ", "KeyC", "c")],
)
def test_letters_go_by_what_they_print_else_by_their_place(desk: Page, key: str, code: str, picked: str) -> None:
    strike(desk, key, code)
    expect(desk.locator("[aria-current=true][data-output]")).to_have_attribute("data-output", picked)


FULL = RatingForm(output=tuple(flag(f"flag_{key.lower()}", f"{key} flag", key=key) for key in FREE_KEYS))
SHARED = tuple(f"The mill by the river serves **cheap** food number {number}." for number in range(9))
ACTS = """async () => {
    const { actsOf } = await import("/static/stamp/js/desk/keys.js");
    return Object.keys(actsOf(new Proxy({}, { get: () => () => {} })));
}"""
TICKED = "() => [...document.querySelectorAll('[data-judge] :checked')].map((box) => box.name)"


@pytest.mark.parametrize(("key", "code", "pressed"), [(".", "KeyE", "[data-as-written]"), (",", "KeyW", "[data-dim]")])
def test_a_sign_acts_though_it_lies_where_others_have_a_letter(
    page: Page, served_desk: ServedDesk, key: str, code: str, pressed: str
) -> None:
    """As on the Dvorak keyboard."""
    strike(open_with(page, served_desk, SHARED), key, code)
    expect(page.locator(pressed).first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[aria-current=true][data-output]")).to_have_attribute("data-output", "a")


def test_no_key_means_two_things(page: Page, served_desk: ServedDesk) -> None:
    """Neither in the script's own map beside outputs and forms, nor in what the help says, chords too."""
    served_desk.form = FULL
    open_with(page, served_desk, NINE)
    own = {key for key in page.evaluate(ACTS) if len(key) == 1}
    letters = {key.upper() for key in own if key.isalpha()}
    assert letters | set("ABCDEFGHI") == DESK_KEYS
    assert own.isdisjoint("0123456789")
    rows = [row.locator("kbd").all_inner_texts() for row in page.locator("[data-keys] dt").all()]
    single = [key for row in rows for key in row if not {"Alt", "Shift", "Ctrl"} & set(row)]
    chords = ["+".join(row) for row in rows if {"Alt", "Shift", "Ctrl"} & set(row)]
    assert len(single) == len(set(single)), single
    assert len(chords) == len(set(chords)), chords
    assert {key.upper() for key in own} | set(FREE_KEYS) <= set(single) | {"?"}  # which opens the help


def test_each_key_of_a_form_turns_its_flag_and_nothing_else(page: Page, served_desk: ServedDesk) -> None:
    served_desk.form = FULL
    open_with(page, served_desk, SHARED)
    for number, key in enumerate(FREE_KEYS, start=1):
        press(page, key.lower())
        assert len(page.evaluate(TICKED)) == number
        assert f"output[a][flag_{key.lower()}]" in page.evaluate(TICKED)
    expect(page.locator(".card.as-written, mark.common")).to_have_count(0)
    press(page, ",", ".")
    expect(page.locator(".card.as-written")).to_have_count(1)
    assert len(page.evaluate(TICKED)) == len(FREE_KEYS)


def test_a_shifted_digit_rates_on_a_keyboard_whose_digits_are_shifted(desk: Page) -> None:
    strike(desk, "6", "Digit6", shiftKey=True)
    expect(desk.locator("[name='output[a][overall]'][value='6']")).to_be_checked()
    assert chosen_ranks(desk) == {}


def test_no_key_destroys_what_undo_does_not_bring_back(desk: Page) -> None:
    press(desk, "1", "2", "3", "4", "a", "Shift+6", "u")
    press(desk, "/")
    desk.keyboard.type("a note")
    press(desk, "Escape")
    everything = (
        "() => JSON.stringify([...new FormData(document.querySelector('#desk'))].filter(([n]) => /\\[/.test(n)))"
    )
    before = desk.evaluate(everything)
    destructive = ["0", "Backspace", "Delete", "Shift+0", "1", "=", "Alt+ArrowDown", "u", "Escape", "q", "w", "w"]
    for key in destructive:
        press(desk, "a", key)
        for _ in range(3):
            if desk.evaluate(everything) != before:
                press(desk, "z")
        assert desk.evaluate(everything) == before, key


def test_undo_selects_what_changed(desk: Page) -> None:
    press(desk, "1", "2", "3", "4", "b", "3", "d", "z")
    expect(desk.locator("[data-output='b']")).to_have_attribute("aria-current", "true")
    assert chosen_ranks(desk) == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_keys_can_be_turned_off_and_work_by_tab_and_enter_then(desk: Page) -> None:
    press(desk, "?")
    desk.get_by_label("Single-key shortcuts").uncheck()
    press(desk, "Escape", "3")
    assert chosen_ranks(desk) == {}
    lane = desk.locator("[data-lanes] button.lane-name").nth(1)
    lane.focus()
    press(desk, "Enter")
    assert chosen_ranks(desk) == {"a": 2}


def test_what_was_done_is_said_with_its_ties(desk: Page) -> None:
    desk.evaluate(LISTEN)
    said = []
    for key in ("1", "2", "=", "4", "Alt+ArrowUp", "z", "0", "9", "Shift+4", "u", "Shift+9"):
        press(desk, key)
        said.append(heard(desk))
    assert said == [
        "A: rank 1. Now B.",
        "B: rank 2. Now C.",
        "C: rank 2, tied with B. Now D.",
        "D: rank 4. All ranked. 1: A, 2: B = C, 3: D.",
        "1: A, 2: B = C = D",
        "Undone: D. 1: A, 2: B = C, 3: D",
        "D is not ranked.",
        "Ranks go from 1 to 4.",
        "D: Overall quality 4 of 7.",
        "D: Hallucination.",
        "Ratings go from 1 to 7.",
    ]
    status = desk.get_by_role("status").filter(has_text="Ratings go")
    expect(status).to_have_count(1)


def test_chips_and_lanes_say_what_they_are(desk: Page) -> None:
    press(desk, "2", "2")
    for name in ("Output A, rank 2", "Output B, rank 2", "Output C, not ranked"):
        expect(desk.get_by_role("button", name=name, exact=True)).to_have_count(1)
    expect(desk.get_by_role("list", name="Rank 2", exact=True).get_by_role("listitem")).to_have_count(2)
    expect(desk.get_by_role("list", name="To rank", exact=True).get_by_role("listitem")).to_have_count(2)
    expect(desk.get_by_role("button", name="Output C, not ranked")).to_have_attribute("aria-current", "true")
    expect(desk.get_by_role("textbox", name="Order")).to_have_value("A=B")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_moves_for_who_wants_less_motion(browser: Browser, served_desk: ServedDesk, width: int) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    press(page, "1", "Shift+C")
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((element) => {
        const { animationName, animationDuration, transitionDuration, scrollBehavior } = getComputedStyle(element);
        const lasts = (time) => time.split(",").some((part) => parseFloat(part) > 0.01);
        const moves = animationName !== "none" && lasts(animationDuration);
        return moves || lasts(transitionDuration) || scrollBehavior === "smooth";
    }).map((element) => element.className)""")
    assert moving == []
    context.close()
