"""The aids for reading on the desk, in a real browser."""

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.completions.evidence import EvidenceSource
from tests.browser.served_desk import ServedDesk
from tests.browser.test_desk import WCAG, press, status

Opened = Callable[..., Page]

TASTES = (
    "It is **cheap and cheerful** and stands by the river.",
    "We liked it: it is cheap *and cheerful*, but loud.",
    "Nobody would say that it is cheap and cheerful. $x^2 + y$",
)


@pytest.fixture
def opened(page: Page, served_desk: ServedDesk) -> Opened:
    """Opens the desk with these outputs."""

    def opened(*outputs: str) -> Page:
        served_desk.outputs = outputs
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(served_desk.url)
        page.wait_for_selector("form.ready")
        return page

    return opened


def texts(desk: Page) -> list[str]:
    return [text.inner_html() for text in desk.locator(".card .text").all()]


def marked(desk: Page, letter: str, kind: str) -> str:
    return " ".join(desk.locator(f"[data-output='{letter}'] mark.{kind}").all_inner_texts())


def test_what_all_outputs_share_is_dimmed_across_formats_and_comes_back_clean(opened: Opened) -> None:
    desk = opened(*TASTES)
    before = texts(desk)
    press(desk, ",")
    assert marked(desk, "a", "common") == "is cheap and cheerful"
    assert marked(desk, "b", "common") == "is cheap and cheerful"
    assert marked(desk, "c", "common") == "is cheap and cheerful"
    assert "all outputs share" in status(desk)
    expect(desk.locator("[data-dim]:visible")).to_have_attribute("aria-pressed", "true")
    press(desk, ",")
    assert texts(desk) == before
    desk.locator("[data-dim]:visible").click()
    expect(desk.locator("mark.common")).not_to_have_count(0)
    press(desk, "a", "Shift+B")
    expect(desk.locator("mark.common")).to_have_count(0)
    press(desk, ",")
    expect(desk.locator("mark:not(.common)")).to_have_count(0)
    press(desk, ",")
    assert texts(desk) == before


def test_outputs_that_share_nothing_are_left_alone(opened: Opened) -> None:
    desk = opened("One two three four.", "Five six seven eight.")
    press(desk, ",")
    assert status(desk) == "The outputs share no run of three words."
    expect(desk.locator("mark")).to_have_count(0)


def test_differences_are_marked_by_word_within_formats(opened: Opened) -> None:
    desk = opened(
        "The quick **brown fox** jumps over `the lazy` dog near the old mill.",
        "The quick **red fox** jumps over `the idle` dog near the old mill.",
    )
    before = texts(desk)
    press(desk, "a", "Shift+B")
    assert (marked(desk, "a", "differs"), marked(desk, "b", "differs")) == ("brown lazy", "red idle")
    press(desk, "Escape")
    assert texts(desk) == before


def test_a_formula_is_marked_whole(opened: Opened) -> None:
    desk = opened("The area of it is $a^2 + b$ and no more.", "The area of it is $a^2 + c$ and no more.")
    before = texts(desk)
    press(desk, "a", "Shift+B")
    assert desk.locator("mark > math").count() == 2
    assert desk.locator("math mark").count() == 0
    press(desk, "Escape")
    assert texts(desk) == before


def test_an_output_is_read_as_it_was_written_and_compared_so(opened: Opened) -> None:
    desk = opened("Some *soft* words & more of them.", "Some *hard* words & more of them.")
    press(desk, ".")
    expect(desk.locator("[data-output='a'] .text")).to_be_hidden()
    assert desk.locator("[data-output='a'] .written pre").inner_text() == "Some *soft* words & more of them."
    assert status(desk) == "A: as it was written."
    press(desk, "b", ".", "Shift+A")
    assert (marked(desk, "a", "differs"), marked(desk, "b", "differs")) == ("soft", "hard")
    desk.locator("[data-output='b'] [data-as-written]").click()
    expect(desk.locator("mark")).to_have_count(0)
    expect(desk.locator("[data-output='b'] .text")).to_be_visible()


def test_the_length_of_an_output_stands_on_its_card(opened: Opened) -> None:
    desk = opened("Don't **count** the marks.", "写 一 words")
    lengths = desk.locator(".length").all_text_contents()
    assert lengths == ["4 words, 26 characters", "3 words, 9 characters"]


def test_sources_lie_folded_under_an_output_and_are_harmless(page: Page, served_desk: ServedDesk) -> None:
    served_desk.evidence = (
        EvidenceSource("A <b>page</b>", "https://example.org/a", "It *says* <script>alert(1)</script>."),
        EvidenceSource("A book"),
    )
    page.goto(served_desk.url)
    sources = page.locator("[data-output='a'] .sources")
    expect(sources.locator("ol")).to_be_hidden()
    sources.locator("summary").click()
    expect(sources.locator("li")).to_have_count(2)
    expect(sources.locator("a")).to_have_text("A <b>page</b>")
    expect(sources.locator("em")).to_have_text("says")
    assert page.locator("main script, main .sources b").count() == 0


def test_without_script_the_text_as_written_is_a_fold(browser: Browser, served_desk: ServedDesk) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served_desk.url)
    written = page.locator("[data-output='a'] .written")
    expect(written.locator("pre")).to_be_hidden()
    written.locator("summary").click()
    expect(written.locator("pre")).to_be_visible()
    expect(page.locator("[data-as-written]").first).to_be_hidden()
    context.close()


def test_each_block_runs_by_its_own_letters(opened: Opened) -> None:
    desk = opened("שלום עולם\n\nHello world", "user \u202eresu")
    directions = "all => all.map(one => getComputedStyle(one).direction)"
    assert desk.locator("[data-output='a'] .text p").evaluate_all(directions) == ["rtl", "ltr"]
    assert desk.locator("[data-output='b'] .text .control").all_inner_texts() == ["RLO"]


@pytest.mark.parametrize("words", [1_000, 6_000])
def test_long_texts_are_compared_to_their_end(opened: Opened, words: int) -> None:
    """By words, and beyond three thousand by lines."""
    long = [[f"{word}{number % 211}" for number in range(words)] for word in ("river", "mill")]
    for place in range(0, words, 20):
        long[1][place : place + 10] = long[0][place : place + 10]
    desk = opened(*("\n".join(" ".join(text[at : at + 10]) for at in range(0, words, 10)) for text in long))
    desk.keyboard.press("Shift+B")
    assert desk.locator("mark").count() >= 50


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marked_texts_are_accessible(
    browser: Browser, served_desk: ServedDesk, width: int, theme: Literal["light", "dark"]
) -> None:
    code = "".join(
        f"```{language}\n# c\ndef f(x): return 'a' + 1 // y\n@d\nclass A: pass\n```\n\n"
        for language in ("python", "js")
    )
    served_desk.outputs = tuple(f"{text}\n\n{code}\n\u202e" for text in TASTES)
    served_desk.evidence = (EvidenceSource("A page", "https://example.org/a", "It says so."),)
    context = browser.new_context(bypass_csp=True, color_scheme=theme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    for keys in [(",",), (",", ".")]:
        press(page, *keys)
        page.wait_for_timeout(100)
        found = Axe().run(page, options=WCAG)
        assert found.response["violations"] == [], found.generate_report()
    context.close()
