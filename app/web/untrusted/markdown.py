"""Markdown to HTML within a bounded amount of work; raw HTML in it is shown as text."""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from app.web.untrusted.code import SECONDS, code
from app.web.untrusted.mathematics import mathematics
from app.web.untrusted.sanitising import DIRECTED_TAGS

# What follows keeps every input under about 120 ms on a slow core: markdown-it-py looks from every opening bracket for
# the closing one (0.3 s for 500 that have none, before 18 kB of asterisks), and fills up every row of a table to the
# width of its head (1 s for 20 kB).
MAX_BRACKET_REACH = 500_000
MAX_TABLE_CELLS = 8_000
MAX_NESTING = 20

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
SCHEMES = ("http://", "https://", "mailto:")


def is_costly(text: str) -> bool:
    return _bracket_reach(text) > MAX_BRACKET_REACH


def markdown_html(text: str, seconds_for_code: float = SECONDS) -> str:
    """Not sanitised. A text with too large a table is formatted without tables."""
    parser = _plain if _most_table_cells(text) > MAX_TABLE_CELLS else _with_tables
    return str(parser.render(text, {"seconds_for_code": seconds_for_code}))


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
    markdown.add_render_rule("link_open", _open_link)
    markdown.core.ruler.push("lower_headings", _lower_headings)
    markdown.core.ruler.push("direct_blocks", _direct_blocks)
    return markdown.use(mathematics).use(code)


def _open_link(self: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    """An empty address would lead to this page."""
    return self.renderToken(tokens, place, options, env) if tokens[place].attrGet("href") else "<a>"


def _lower_headings(state: StateCore) -> None:
    """A page has one h1 and its parts have h2, so the highest heading of a text is h3; none leaves a level out."""
    above: list[str] = []
    for token in state.tokens:
        if token.type == "heading_open":
            above = [*(tag for tag in above if tag < token.tag), token.tag]
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, len(above) + 2)}"


def _direct_blocks(state: StateCore) -> None:
    """Where anything runs from right to left, each block runs as its first strong letter does."""
    if RIGHT_TO_LEFT.search(state.src):
        for token in state.tokens:
            if token.tag in DIRECTED_TAGS and token.nesting == 1:
                token.attrSet("dir", "auto")


_plain = _parser()
_with_tables = _parser().enable("table")
