"""Code blocks with their syntax marked by classes, so that a stylesheet can colour it.

A lexer is a set of regular expressions, some of which look far ahead at every sign of a hostile text. So marking stops
when a text has used up its time, and only lexers are here of which no single step takes long.
"""

from collections.abc import Iterator
from functools import lru_cache
from html import escape
from time import thread_time

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator, String, _TokenType

from app.translation import gettext as _

MAX_CODE = 5_000  # characters of a block
SECONDS = 0.03  # of processor time for all blocks of a text

LANGUAGES = frozenset(
    (
        *("python", "py", "javascript", "js", "typescript", "ts", "java", "c", "cpp", "c++", "csharp", "go", "rust"),
        *("kotlin", "swift", "ruby", "html", "xml", "css", "scss", "json", "yaml", "toml", "bash", "sh"),
        *("shell", "powershell", "sql", "r", "julia", "scala", "haskell", "lua", "diff", "docker", "makefile", "tex"),
    )
)

CLASSES: dict[_TokenType, str] = {
    Comment: "c",
    Keyword: "k",
    Operator.Word: "k",
    String: "s",
    Literal.Date: "s",
    Number: "n",
    Name.Builtin: "b",
    Name.Function: "f",
    Name.Class: "f",
    Name.Tag: "k",
    Name.Decorator: "b",
    Name.Attribute: "b",
    Generic.Inserted: "i",
    Generic.Deleted: "x",
    Generic.Subheading: "c",
}


def code(markdown: MarkdownIt) -> None:
    """A plugin: fenced code is marked by the language that its fence names, for `seconds_for_code`."""
    markdown.add_render_rule("fence", _render)
    markdown.add_render_rule("code_block", _render)


def _render(_self: RendererHTML, tokens: list[Token], place: int, _options: OptionsDict, env: EnvType) -> str:
    token = tokens[place]
    lexer = _lexer(token.info.strip().partition(" ")[0].lower())
    if lexer is None or len(token.content) > MAX_CODE:
        marked = escape(token.content, quote=False)
    else:
        begun = thread_time()  # not before: what is looked up for the first time is loaded
        marked = "".join(_marked(lexer, token.content, begun + env["seconds_for_code"]))
        env["seconds_for_code"] -= thread_time() - begun
    return f'<pre tabindex="0" role="group" aria-label="{escape(_("Code"))}"><code>{marked}</code></pre>\n'


@lru_cache
def _lexer(language: str) -> Lexer | None:
    return get_lexer_by_name(language, stripnl=False) if language in LANGUAGES else None


def _marked(lexer: Lexer, source: str, end: float) -> Iterator[str]:
    """The text in spans; from `end` on without them."""
    place = 0
    for start, kind, text in lexer.get_tokens_unprocessed(source):
        if thread_time() > end:
            break
        name = _class_of(kind)
        shown = escape(text, quote=False)
        yield f'<span class="{name}">{shown}</span>' if name else shown
        place = start + len(text)
    yield escape(source[place:], quote=False)


@lru_cache
def _class_of(kind: _TokenType) -> str | None:
    """That of the nearest kind above that has one: a docstring is a string."""
    return next((CLASSES[above] for above in reversed(kind.split()) if above in CLASSES), None)
