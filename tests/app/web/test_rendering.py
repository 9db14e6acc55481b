import json
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.web.rendering import MAX_BYTES, TAGS, render_untrusted
from tests.costly_texts import COSTLY
from tests.shared_data import shared_data

ATTRIBUTES = {"a": {"href", "target", "rel"}, "pre": {"tabindex", "role", "aria-label", "class"}, "ol": {"start"}}

OWN_PAYLOADS = (
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:x)",
    "[click](&#106;avascript:alert(1))",
    "[click](//evil.example)",
    "[click](/sign-out)",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
    "![pixel](https://evil.example/pixel.png)",
    '```"onmouseover=alert(1)\nx\n```',
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<style>*{background:url(https://evil.example)}</style>",
    "`<script>alert(1)</script>`",
)


class Elements(HTMLParser):
    """Collects what a browser would build: every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(render_untrusted(text))
    return parser.found


def assert_harmless(text: str) -> None:
    for tag, attributes in elements(text):
        assert tag in TAGS, (tag, text)
        assert set(attributes) <= ATTRIBUTES.get(tag, {"class"}), (attributes, text)
        if "href" in attributes:
            assert (attributes["href"] or "").lower().startswith(("http://", "https://", "mailto:")), text


def hostile_payloads() -> list[str]:
    files = sorted(shared_data("hostile_html").glob("*.json"))
    return [payload for file in files for payload in json.loads(file.read_text())]


def test_no_payload_leaves_an_element_that_could_act() -> None:
    payloads = hostile_payloads()
    assert len(payloads) == 333
    for payload in payloads:
        assert_harmless(payload)


@pytest.mark.parametrize("payload", OWN_PAYLOADS)
def test_our_own_payloads_are_harmless(payload: str) -> None:
    assert_harmless(payload)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>[]()!*_`\"'=&#;:/\\|-~ \n\tabhrefonscript1.", max_size=400))
def test_no_text_whatever_leaves_an_element_that_could_act(text: str) -> None:
    assert_harmless(text)


def test_markdown_is_formatted() -> None:
    html = render_untrusted("**bold** and *soft*\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    for part in ("<strong>bold</strong>", "<em>soft</em>", "<li>two</li>", "<td>2</td>"):
        assert part in html


def test_raw_html_is_shown_as_it_was_written() -> None:
    assert render_untrusted("a <b>tag</b>") == "<p>a &lt;b&gt;tag&lt;/b&gt;</p>\n"


def test_a_link_opens_elsewhere_and_tells_nobody_where_it_was() -> None:
    (link,) = [attributes for tag, attributes in elements("[paper](https://example.org/a?b=c)") if tag == "a"]
    assert link == {"href": "https://example.org/a?b=c", "target": "_blank", "rel": "noopener nofollow noreferrer"}


def test_an_image_becomes_a_link_that_is_not_fetched() -> None:
    html = render_untrusted("![a cat](https://example.org/cat.png)")
    assert "<img" not in html
    assert "a cat</a>" in html


def test_a_code_block_can_be_reached_and_has_a_name() -> None:
    (block,) = [attributes for tag, attributes in elements("```python\nx = 1\n```") if tag == "pre"]
    assert block == {"tabindex": "0", "role": "group", "aria-label": "Code"}


def test_headings_of_a_text_stay_below_those_of_the_page() -> None:
    tags = [tag for tag, _ in elements("# one\n\n## two\n\n###### six") if tag.startswith("h")]
    assert tags == ["h3", "h4", "h6"]


def test_what_is_too_long_is_escaped_with_a_notice() -> None:
    html = render_untrusted("<b>**x**</b>" * 2_000)
    assert "too long" in html
    assert "&lt;b&gt;**x**&lt;/b&gt;" in html
    assert "<strong>" not in html


def test_the_limit_counts_bytes() -> None:
    assert "<pre" not in render_untrusted("a" * MAX_BYTES)
    assert "<pre" in render_untrusted("é" * (MAX_BYTES // 2 + 1))


def test_brackets_that_close_do_not_keep_a_text_from_being_formatted() -> None:
    text = "".join(f"A fact [{number}] and `[[1, 2], [3, 4]]`.\n" for number in range(400))
    assert "<pre" not in render_untrusted(f"**bold**\n{text}")


@pytest.mark.parametrize("name", COSTLY)
def test_any_input_is_rendered_with_a_bounded_amount_of_work(name: str) -> None:
    """Counted in function calls, which a busy machine does not change; `tests.benchmarks.rendering` gives the time."""
    assert calls_made(lambda: render_untrusted(COSTLY[name])) < 4_000_000


def calls_made(do: Callable[[], object]) -> int:
    made = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(None)
    return made
