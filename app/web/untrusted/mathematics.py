"""Formulas in Markdown, `$…$`, `$$…$$`, `\\(…\\)` and `\\[…\\]`, as MathML; what cannot be converted stays as written.

Dollars are also money. As in Pandoc a formula begins right after its dollar, ends right before the other one, and no
digit follows; nor does it begin with an amount and a word ("$5 and 10$").
"""

import re
from collections.abc import Sequence
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

MAX_FORMULA = 1_000  # characters
MAX_FORMULAS = 8_000  # characters of all formulas of a text; each takes about seven microseconds

CLOSING = {"$$": "$$", "\\[": "\\]", "$": "$", "\\(": "\\)"}
DISPLAYED = {"$$", "\\["}
DEFINES = re.compile(r"\\(?:(?:re)?new|provide)?(?:command|environment)|\\[egx]?def\b|\\let\b|\\Declare")
AMOUNT = re.compile(r"\d[\d.,]*\s+(?:[^\W\d_]{2,}|\d)")
ENVIRONMENTS = {"aligned": "align*", "alignedat": "align*", "gathered": "align*", "gather": "align*", "dcases": "cases"}

TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}
TAGS = {"math", "mrow", "mstyle", "mphantom", "menclose", "msqrt", "mroot", "mfrac", *TOKENS} | {
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd")
}
PARTS = dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2) | {"msubsup": 3, "munderover": 3}
TRUTH = {"true", "false"}
SIZES = {"1.2em", "1.623em", "1.8em", "2.047em", "2.4em", "2.470em", "3em"}
ATTRIBUTES = {
    "math": {"display": {"block"}},
    "mi": {"mathvariant": {"normal", "bold", "italic", "bold-italic", "sans-serif", "monospace"}},
    "mo": {
        **dict.fromkeys(("stretchy", "fence", "movablelimits", "separator", "largeop", "accent"), TRUTH),
        "form": {"prefix", "infix", "postfix"},
        "minsize": SIZES,
        "maxsize": SIZES,
    },
    "mover": {"accent": TRUTH},
    "munder": {"accentunder": TRUTH},
    "mfrac": {"linethickness": {"0"}},
    "mspace": {"width": {"-0.167em", "0.167em", "0.222em", "0.278em", "0.333em", "1em", "2em"}},
    "mstyle": {"displaystyle": TRUTH, "scriptlevel": {"0", "1", "2"}},
    "mtable": {"displaystyle": TRUTH},
    "mtd": {"columnalign": {"left", "right", "center"}},
    "menclose": {"notation": {"box"}},
}


class NoFormula(Exception):
    """It is too long, defines something, or says what we cannot show."""


def mathematics(markdown: MarkdownIt) -> None:
    """A plugin: formulas become tokens `formula`, whose source is their content."""
    markdown.inline.ruler.before("escape", "formula", _inline_formula)
    markdown.block.ruler.before("fence", "formula", _block_formula, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.add_render_rule("formula", _render)


def mathml(source: str, *, displayed: bool = False) -> str:
    """Of one formula without its delimiters. Raises `NoFormula`."""
    if len(source) > MAX_FORMULA or DEFINES.search(source):
        raise NoFormula
    for name, other in ENVIRONMENTS.items():
        source = source.replace(f"{{{name}}}", f"{{{other}}}")
    try:
        element = convert_to_element(source)
    except Exception as error:  # it raises whatever it stumbles over, RecursionError and StopIteration among them
        raise NoFormula from error
    if displayed:
        element.set("display", "block")
    return _markup(element)


def _markup(element: Element) -> str:
    """Only what is on the lists; a tag that is not is left out, its content kept."""
    text = unescape(element.text or "").strip("\n")
    if element.tag in TOKENS and (text.startswith("\\") or text == "&"):
        raise NoFormula  # an unknown command, which the converter lets through as it is
    if len(element) != PARTS.get(element.tag, len(element)):
        raise NoFormula  # "\\frac{1"
    inside = escape(text, quote=False) + "".join(_markup(child) for child in element)
    if element.tag not in TAGS:
        return f"<mrow>{inside}</mrow>"
    allowed = ATTRIBUTES.get(element.tag, {})
    kept = [f' {name}="{value}"' for name, value in element.items() if value in allowed.get(name, ())]
    return f"<{element.tag}{''.join(kept)}>{inside}</{element.tag}>"


def _render(_self: RendererHTML, tokens: Sequence[Token], place: int, _options: OptionsDict, env: EnvType) -> str:
    token = tokens[place]
    spent = env["formulas"] = env.get("formulas", 0) + len(token.content)
    displayed = token.markup in DISPLAYED
    try:
        if spent > MAX_FORMULAS:
            raise NoFormula
        shown = mathml(token.content.strip(), displayed=displayed)
    except NoFormula:
        shown = escape(token.markup + token.content + CLOSING[token.markup], quote=False)
    return f"<p>{shown}</p>\n" if token.block else shown


def _inline_formula(state: StateInline, silent: bool) -> bool:
    opening = next((mark for mark in CLOSING if state.src.startswith(mark, state.pos)), None)
    if opening is None:
        return False
    start = state.pos + len(opening)
    end = state.src.find(CLOSING[opening], start, min(start + MAX_FORMULA, state.posMax) + len(opening))
    after = end + len(opening)
    if end < 0 or not _is_formula(opening, state.src[start:end], state.src[after : after + 1]):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.markup, token.content = opening, state.src[start:end]
    state.pos = after
    return True


def _is_formula(opening: str, content: str, next_character: str) -> bool:
    if not content.strip() or (opening[0] == "$" and "`" in content):
        return False
    if opening != "$":
        return True
    return content == content.strip() and not next_character.isdigit() and not AMOUNT.match(content)


def _block_formula(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A displayed formula on lines of its own, in which nothing else is Markdown."""
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    opening = state.src[begin : begin + 2]
    if opening not in DISPLAYED:
        return False
    length, line = 0, first
    while length <= MAX_FORMULA and line < last and (line == first or state.sCount[line] >= state.blkIndent):
        end = state.src.rfind(CLOSING[opening], max(begin + 2, state.bMarks[line]), state.eMarks[line])
        length += state.eMarks[line] - state.bMarks[line] + 1
        line += 1
        if end >= 0:
            return not state.src[end + 2 : state.eMarks[line - 1]].strip() and (
                silent or _push_block(state, first, line, opening)
            )
    return False


def _push_block(state: StateBlock, first: int, after: int, opening: str) -> bool:
    lines = state.getLines(first, after, state.blkIndent, False)
    source = lines[lines.index(opening) + 2 : lines.rindex(CLOSING[opening])]
    token = state.push("formula", "math", 0)
    token.block, token.markup, token.content, token.map = True, opening, source, [first, after]
    state.line = after
    return True
