"""What hostile texts do in a real browser: nothing, and the browser asks nobody for anything."""

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Route

from app.completions.evidence import EvidenceSource
from app.web.rendering import render_untrusted
from app.web.security import HEADERS
from tests.browser.served_desk import ServedDesk
from tests.hostile_texts import OWN_PAYLOADS, hostile_payloads, mutants

ADDRESS = "http://rondo.test/"

# Set before the page's own code, which a content security policy does not touch.
COUNT_CALLS = "window.called = []; for (const name of ['alert', 'confirm', 'prompt', 'print']) " + (
    "window[name] = () => { window.called.push(name) }"
)
FORBIDDEN = "main :is(script, style, img, svg, annotation-xml, mglyph, iframe, " + (
    "object, embed, form, input, link, meta, base, video, audio)"
)
ACT = """() => {
  const found = [...document.querySelectorAll('main *')]
  for (const one of found) for (const name of ['mouseover', 'mouseenter', 'focus', 'pointerover', 'wheel'])
    one.dispatchEvent(new Event(name, {bubbles: true}))
  return found.filter((one) => one.getAttributeNames().some((name) => name.startsWith('on') || name === 'style')).length
}"""


@dataclass
class Seen:
    calls: list[str]
    forbidden: int
    handlers: int
    complaints: list[str]
    requests: list[str] = field(default_factory=list)


def show(page: Page, sections: list[str], headers: dict[str, str]) -> Seen:
    """Opens one page with all sections, waits for what they might load, and pokes every element."""
    requests: list[str] = []
    complaints: list[str] = []
    body = "".join(f"<section>{section}</section>" for section in sections)
    document = f"<!doctype html><meta charset=utf-8><title>Texts</title><main>{body}</main>"

    def answer(route: Route) -> None:
        if route.request.url == ADDRESS:
            route.fulfill(body=document, content_type="text/html; charset=utf-8", headers=headers)
        elif route.request.url != f"{ADDRESS}favicon.ico":
            requests.append(route.request.url)
            route.abort()

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text))
    page.add_init_script(COUNT_CALLS)
    page.route("**/*", answer)
    page.goto(ADDRESS, wait_until="load")
    handlers = page.evaluate(ACT)
    page.wait_for_timeout(500)
    forbidden = page.locator(FORBIDDEN).count()
    return Seen(page.evaluate("window.called"), forbidden, handlers, complaints, requests)


def payloads() -> list[str]:
    return [*hostile_payloads(), *OWN_PAYLOADS]


NESTED = ("> " * 5_000, "- " * 5_000, "[" * 9_000, "$" + "{" * 900 + "}" * 900 + "$", "*" * 9_000, "<b>" * 3_000)


@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["with our policy", "by sanitising alone"])
def test_rendered_payloads_do_nothing(page: Page, headers: dict[str, str]) -> None:
    texts = [*payloads(), *mutants(400), *NESTED]
    seen = show(page, [render_untrusted(text) for text in texts], headers)
    assert seen == Seen(calls=[], forbidden=0, handlers=0, complaints=[], requests=[])
    assert page.locator("main section").count() == len(texts)


def test_a_megabyte_of_text_leaves_the_page_alive(page: Page) -> None:
    text = (("<script>alert(1)</script> words " * 1_000 + "\u202e") * 40)[:1_000_000]
    seen = show(page, [render_untrusted(text)], HEADERS)
    assert seen == Seen(calls=[], forbidden=0, handlers=0, complaints=[], requests=[])
    assert page.evaluate("document.querySelector('pre').textContent.length") > 1_000_000


def test_a_desk_of_hostile_outputs_is_read_and_ranked_as_any_other(page: Page, served_desk: ServedDesk) -> None:
    given = payloads()
    megabyte = ("<svg onload=alert(1)> " * 50_000)[:1_000_000]
    served_desk.outputs = (*("\n\n".join(given[start::8]) for start in range(8)), megabyte)
    title, url = "<img src=x onerror=alert(1)>", "https://example.org/'onclick=alert(1)"
    served_desk.evidence = (EvidenceSource(title, url, given[0]),)
    left: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(served_desk.url) else left.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(COUNT_CALLS)
    page.goto(served_desk.url)
    page.wait_for_selector("form.ready")
    for key in (*"123456789", "a", *"yyxx", "Shift+B", "Escape", "Shift+I", "Escape"):
        page.keyboard.press(key)
    assert page.locator("[data-line]").input_value() == "A B C D E F G H I"
    assert page.evaluate("window.called") == []
    assert page.locator("main .card :is(script, style, img, svg, iframe, object, embed)").count() == 0
    assert (left, complaints) == ([], [])


def test_the_policy_alone_stops_scripts_and_requests(page: Page) -> None:
    seen = show(page, [payload for payload in payloads() if "http-equiv" not in payload.lower()], HEADERS)
    assert seen.calls == []
    assert [address for address in seen.requests if not address.startswith(ADDRESS)] == []


def test_the_same_payloads_act_where_nothing_stops_them(page: Page) -> None:
    seen = show(page, [payload for payload in payloads() if "http-equiv" not in payload.lower()], {})
    assert seen.calls
    assert seen.requests
    assert seen.forbidden
