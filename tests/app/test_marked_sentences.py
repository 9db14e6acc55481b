"""No sentence for people stands in the code without being a message that catalogs can translate."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web.templating import environment, packed_folder
from tests.catalogs import CHECKOUT

MODULES = sorted((CHECKOUT / "app").rglob("*.py"))
TEMPLATES: Path = packed_folder("templates")
PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))

MARKS = {"_", "gettext", "ngettext", "message"}
SAID_BY = {"flash": 1, "refuse": 1, "ValueError": 0}  # the argument that people read
SAID_AS = {"reason", "sentence", "detail"}
TO_PROGRAMMERS = {"app/simulation/e2e.py", "app/simulation/facts.py"}  # commands turn them into sentences

NAMES = {"Rondo"}  # the same in every language
UNTRANSLATED = re.compile(r"<(code|kbd|samp|pre)\b.*?</\1>", re.DOTALL)
SAID_ATTRIBUTES = re.compile(r'\b(?:aria-label|title|placeholder|alt|aria-description)="([^"]*)"')
KEYS = re.compile(r"\b(Alt|Ctrl|Shift)\+\w")
A_WORD = re.compile(r"[^\W\d_]{2,}")
A_PHRASE = re.compile(r"^[A-Z][a-z]+(?![\w+])|[a-z]{2,} [a-z]{2,}")
FOR_MACHINES = re.compile(
    r'<[^>]*>|[\w-]+="[^"]*"|\b(data-)?required\b|\bdesk/\w+|&\w+;'
)  # macros write bare attributes too


def _calls(module: str) -> Iterator[ast.Call]:
    tree = ast.parse((CHECKOUT / module).read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        return any(_is_literal(value) for value in node.values)
    if isinstance(node, ast.IfExp):
        return _is_literal(node.body) or _is_literal(node.orelse)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _unmarked(module: str) -> Iterator[str]:
    for call in _calls(module):
        said = [keyword.value for keyword in call.keywords if keyword.arg in SAID_AS]
        if (place := SAID_BY.get(_name(call))) is not None:
            said += call.args[place : place + 1]
        yield from (f"{module}:{node.lineno}" for node in said if _is_literal(node))


def _assigned_unmarked(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((CHECKOUT / module).read_text(encoding="utf-8"))):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id in SAID_AS for target in targets) and _is_literal(node.value):
            yield f"{module}:{node.lineno}"


CODE = [path.relative_to(CHECKOUT).as_posix() for path in MODULES]


@pytest.mark.parametrize("module", CODE)
def test_what_a_module_says_is_marked(module: str) -> None:
    if module not in TO_PROGRAMMERS:
        assert [*_unmarked(module), *_assigned_unmarked(module)] == []


@pytest.mark.parametrize("module", CODE)
def test_messages_are_whole_sentences_that_catalogs_can_find(module: str) -> None:
    """Fields are filled in after the translation, and nothing is translated while a module is imported."""
    computed = [f"{module}:{call.lineno}" for call in _calls(module) if _name(call) in MARKS and _fills_in(call)]
    assert computed == []
    early = [f"{module}:{line}" for line in _translated_at_import(ast.parse((CHECKOUT / module).read_text("utf-8")))]
    assert early == []


def _fills_in(call: ast.Call) -> bool:
    return any(isinstance(node, (ast.JoinedStr, ast.BinOp)) for node in call.args[:1])


def _translated_at_import(node: ast.AST) -> Iterator[int]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return
    if isinstance(node, ast.Call) and _name(node) in {"_", "gettext", "ngettext"}:
        yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _translated_at_import(child)


def test_one_module_alone_knows_the_languages_of_the_standard_library() -> None:
    """Its `gettext` speaks the server's language to everybody."""
    import_it = re.compile(r"^(from|import) gettext\b", re.MULTILINE)
    users = [module for module in CODE if import_it.search((CHECKOUT / module).read_text(encoding="utf-8"))]
    assert users == ["app/translation.py"]


def _text_of(source: str) -> tuple[str, list[str]]:
    """A template's own text with `…` for what it computes, and the phrases among its literals."""
    shown, phrases, called = "", [], ["", ""]
    for _line, kind, value in environment().lex(source):
        if kind == "data":
            shown += value
        elif kind in {"variable_end", "block_end"}:
            shown += "…" if kind == "variable_end" else " "
        elif kind == "string" and called[-1:] == ["("] and called[-2] in MARKS:
            called = [*called, "string"]
            continue
        elif kind == "string" and A_PHRASE.search(value[1:-1]) and not _is_second_of_ngettext(called):
            phrases.append(value)
        if kind in {"name", "operator", "string"}:
            called = [*called, "string" if kind == "string" else value]
    return shown, phrases


def _is_second_of_ngettext(called: list[str]) -> bool:
    return called[-4:] == ["ngettext", "(", "string", ","]


def _unmarked_words(source: str) -> list[str]:
    text, phrases = _text_of(source)
    bare = FOR_MACHINES.sub(" ", UNTRANSLATED.sub(" ", text))
    labels = [KEYS.sub("", label) for label in SAID_ATTRIBUTES.findall(text)]
    words = [word for word in A_WORD.findall(bare) if word not in NAMES]
    return words + [label for label in labels if A_WORD.search(label)] + phrases


@pytest.mark.parametrize("template", PAGES)
def test_what_a_template_says_is_marked(template: str) -> None:
    assert _unmarked_words((TEMPLATES / template).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        "{{ button('Save') }}",
        '<a title="Look here" href="/">{{ _("Look") }}</a>',
        '{{ notice("nothing was saved") }}',
        "{% if x %}yes{% endif %}",
    ],
)
def test_an_unmarked_word_is_found(source: str) -> None:
    assert _unmarked_words(source) != []


@pytest.mark.parametrize(
    "source",
    [
        '<p class="hint">{{ _("Hello %(name)s", name=user.name) }}</p>',
        '{{ ngettext("%(num)s row", "%(num)s rows", n) }}',
        "<kbd>Esc</kbd> {{ status.state }} – 1",
        '<button aria-label="{{ _("Close") }}" title="Alt+Z">×</button>',
    ],
)
def test_what_is_marked_or_says_nothing_passes(source: str) -> None:
    assert _unmarked_words(source) == []
