"""Text that nobody vouches for (model outputs, prompts, imports) as HTML that does nothing but show it.

Markdown first, in which raw HTML is shown as text, then an allow-list that keeps no image, style, form or script.
Both would do alone; the page's content security policy is the third lock.
"""

import re

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

from app.translation import gettext as _

# Raise it with every change to what comes out: HTML is kept in the database by this number.
RENDERER = 1

# What follows keeps every input under about 120 ms on a slow core: markdown-it-py looks from every opening bracket for
# the closing one (0.3 s for 500 that have none, before 18 kB of asterisks), and fills up every row of a table to the
# width of its head (1 s for 20 kB).
MAX_BYTES = 20_000
MAX_BRACKET_REACH = 500_000
MAX_TABLE_CELLS = 8_000
MAX_NESTING = 20

TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "pre", "code"),
    *("strong", "em", "s", "a", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
}
SCHEMES = ("http://", "https://", "mailto:")


def render_untrusted(text: str) -> Markup:
    """Sanitised HTML; what is too long or too costly to format is shown as it was written, with a notice."""
    text = _storable(text)
    if is_too_long(text) or _bracket_reach(text) > MAX_BRACKET_REACH:
        return shown_as_written(text)
    parser = _plain if _most_table_cells(text) > MAX_TABLE_CELLS else _with_tables
    return Markup(_keep_harmless(parser.render(text)))


def is_too_long(text: str) -> bool:
    """Too long to be formatted at all."""
    return len(text.encode(errors="replace")) > MAX_BYTES


def _storable(text: str) -> str:
    """Without what PostgreSQL and UTF-8 cannot hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def shown_as_written(text: str) -> Markup:
    notice = _("This text is too long or too intricate to format, so it is shown exactly as it was written.")
    block = Markup('<p class="hint">{}</p><pre class="as-written" tabindex="0" role="group" aria-label="{}">{}</pre>')
    return block.format(notice, _("Text as written"), _storable(text))


def _keep_harmless(html: str) -> str:
    code = {"tabindex": "0", "role": "group", "aria-label": _("Code")}
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        set_tag_attribute_values={"a": {"target": "_blank"}, "pre": code},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow noreferrer",
    )


def _bracket_reach(text: str) -> int:
    """Characters from each opening bracket to its closing one, or to the end of the text, all added up."""
    opened: list[int] = []
    reach = 0
    for bracket in re.finditer(r"[\[\]]", text):
        if bracket[0] == "[":
            opened.append(bracket.start())
        elif opened:
            reach += bracket.start() - opened.pop()
    return reach + sum(len(text) - start for start in opened)


def _most_table_cells(text: str) -> int:
    """No table in `text` has more cells: its rows are lines, and its head is a line with a bar between the cells."""
    lines = text.split("\n")
    return len(lines) * max(line.count("|") + 1 for line in lines) if "|" in text else 0


def _parser() -> MarkdownIt:
    """CommonMark without images (an address in them would be fetched) and without links to anywhere but the web."""
    markdown = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable("strikethrough")
    markdown.disable("image")
    markdown.validateLink = lambda url: url.lower().startswith(SCHEMES)  # type: ignore[method-assign]
    markdown.core.ruler.push("lower_headings", _lower_headings)
    return markdown


def _lower_headings(state: StateCore) -> None:
    """A page has one h1 and its parts have h2, so the highest heading of a text is h3."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"


_plain = _parser()
_with_tables = _parser().enable("table")
