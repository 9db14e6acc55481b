import sys
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.web.rendering import MAX_BYTES, PART, RENDERER, plain, render_untrusted
from app.web.untrusted import mathematics
from app.web.untrusted.code import LANGUAGES
from app.web.untrusted.sanitising import SPAN_CLASSES, TAGS
from tests.costly_texts import COSTLY
from tests.hostile_texts import OWN_PAYLOADS, hostile_payloads, mutants

ATTRIBUTES = {
    "a": {"href", "target", "rel"},
    "pre": {"tabindex", "role", "aria-label", "class", "dir"},
    "ol": {"start"},
    "span": {"class"},
}


FORMATTED = (
    "# one\n\n**two** *three* ~~four~~ `five`\n\n1. six\n2. seven\n   - eight\n\n> nine\n\n---\n\n[ten](https://a.b)",
    "| a | b |\n|---|--:|\n| $x$ | `y` |",
    *(f"```{language}\nif (x == 1) {{ return 'a' + \"b\"; }} # c\n```" for language in sorted(LANGUAGES)),
    *(
        rf"$${formula}$$"
        for formula in (r"\frac{a}{b}", r"\sqrt[3]{x}", r"\sum_{i=0}^n \hat x_i'", r"\mathbf{x}\to\infty")
    ),
    *(
        rf"\({formula}\)"
        for formula in (r"\Big(x\Big)", r"\text{if } x", r"\begin{cases}a&b\\c&d\end{cases}", r"\boxed{x}")
    ),
    "שלום\n\n- مرحبا",
)


class Elements(HTMLParser):
    """Collects what a browser would build: every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


class Words(HTMLParser):
    """Collects what a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(render_untrusted(text))
    return parser.found


def assert_harmless(text: str) -> None:
    for tag, attributes in elements(text):
        assert tag in TAGS, (tag, text)
        formula = mathematics.ATTRIBUTES.get(tag, {})
        assert set(attributes) <= ATTRIBUTES.get(tag, {"class", "dir"}) | formula.keys(), (attributes, text)
        assert all(attributes[name] in formula[name] for name in attributes.keys() & formula.keys()), (attributes, text)
        if tag == "span":
            assert attributes["class"] in SPAN_CLASSES, text
        if "href" in attributes:
            assert (attributes["href"] or "").lower().startswith(("http://", "https://", "mailto:")), text


def test_no_payload_leaves_an_element_that_could_act() -> None:
    payloads = hostile_payloads()
    assert len(payloads) == 333
    for payload in payloads:
        assert_harmless(payload)


def test_ten_thousand_mutants_leave_no_element_that_could_act() -> None:
    for mutant in mutants(10_000):
        assert_harmless(mutant)


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


def test_code_is_marked_by_the_language_that_its_fence_names() -> None:
    html = render_untrusted('```python\ndef f():\n    return "<b>"  # x\n```')
    assert '<span class="k">def</span> <span class="f">f</span>():' in html
    assert "&lt;b&gt;" in html
    assert '<span class="c"># x</span>' in html
    assert "<span" not in render_untrusted("```nonesuch\ndef f(): pass\n```")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_marked_code_says_what_was_written(language: str) -> None:
    source = "\n  <b a='c'>&amp; \"x\" // 'y'\n\tdef f(x): # $x {{ }} `z` \\n <?php\n\n"
    html = render_untrusted(f"```{language}\n{source}```")
    assert text_of(html) == f"{source}\n"


def text_of(html: str) -> str:
    parser = Words()
    parser.feed(html)
    return "".join(parser.found)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (r"so $x^2$ is", "so <math><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math> is"),
        (r"so \(x_1\), then", "<msub><mi>x</mi><mn>1</mn></msub>"),
        ("$$\n\\frac{a}{b}\n+ c\n$$", '<p><math display="block"><mrow><mfrac>'),
        ("- a\n\n  \\[\n  x\n  \\]", '<math display="block"><mrow><mi>x</mi></mrow></math>'),
        (r"$\begin{aligned}a&=b\\c&=d\end{aligned}$", '<mtd columnalign="right"><mi>a</mi></mtd>'),
        (r"| $a$ |" + "\n|---|", "<th><math><mrow><mi>a</mi></mrow></math></th>"),
    ],
)
def test_formulas_become_mathml(text: str, part: str) -> None:
    assert part in render_untrusted(text)


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and then $6.",
        "From $20,000 to $30,000.",
        "Between $5-$10 a piece.",
        "I have $5 or 6 apples$ here",
        "The variables $PATH and $HOME",
        "a $ b $ c",
        r"$\nosuchcommand{x}$",
        r"$\frac{1$",
        r"$\def\a{b}\a$",
        "$" + "x" * 2_000 + "$",
        r"\$5 and $6",
    ],
)
def test_what_is_no_formula_stays_as_written(text: str) -> None:
    html = render_untrusted(text)
    assert "<math" not in html
    assert text_of(html) == text.replace("\\$", "$") + "\n"


def test_dollars_in_code_are_code() -> None:
    assert render_untrusted("`$a$` and $5 `b$`") == "<p><code>$a$</code> and $5 <code>b$</code></p>\n"


def test_where_anything_runs_from_right_to_left_each_block_finds_its_direction() -> None:
    html = render_untrusted("# שלום\n\nwords\n\n- مرحبا")
    assert html.count('dir="auto"') == 3
    assert "dir=" not in render_untrusted("# words\n\n- 中文")


def test_controls_of_direction_are_named_and_turn_nothing() -> None:
    for html in (render_untrusted("user \u202eresu\u202c"), plain("user \u202eresu\u202c")):
        assert 'user <span class="control">RLO</span>resu<span class="control">PDF</span>' in html


def test_the_plain_view_shows_every_sign() -> None:
    assert text_of(plain("*a* <b>\n\n&amp; \\$x$  ")) == "*a* <b>\n\n&amp; \\$x$  "


@pytest.mark.parametrize("text", ["a" * 30_000, "words and\n\nlines " * 2_000, "\n" * 30_000, "é \u202e" * 9_000])
def test_a_very_long_text_is_shown_in_parts_and_whole(text: str) -> None:
    shown = text_of(plain(text)).replace("RLO", "\u202e")
    assert shown == text
    assert plain(text).count("<span>") > 1
    assert "<span>" not in plain(text[:PART])


def test_headings_of_a_text_leave_no_level_out_wherever_they_begin() -> None:
    tags = [tag for tag, _ in elements("### three\n\n##### five\n\n# one\n\n## two") if tag.startswith("h")]
    assert tags == ["h3", "h4", "h3", "h4"]


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


def test_the_number_of_the_renderer_is_raised_when_what_comes_out_changes() -> None:
    """HTML is kept in the database by that number. A new digest here without a new number shows old HTML for ever."""
    digest = sha256()
    for text in FORMATTED:
        render_untrusted(text)  # languages are loaded at first use, which takes some of the time for marking
    for text in (*hostile_payloads(), *OWN_PAYLOADS, *FORMATTED, *mutants(500)):
        digest.update(render_untrusted(text).encode())
    assert (RENDERER, digest.hexdigest()[:16]) == (3, "d13ca7af5b48c374")
