"""Templates of one language: a sentence that stands in them as it is, is translated when they are compiled.

A desk says ninety such sentences. To look each up on every page takes a tenth of the time that the page takes.
"""

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from app.translation import gettext, speaking


class OneLanguage(Environment):
    """What it compiles is in `language`, which has to be spoken where its templates are rendered, too."""

    language: str

    def _generate(self, source: nodes.Template, *arguments: object, **options: object) -> str:  # Jinja's hook
        with speaking(self.language):
            translated = _Translating().visit(source)
        return super()._generate(translated, *arguments, **options)  # type: ignore[arg-type]


class _Translating(NodeTransformer):
    """Calls of gettext with nothing but a text, as `{% trans %}` is one, become what they return: HTML, as in Jinja."""

    def visit_Call(self, node: nodes.Call, *arguments: object, **options: object) -> nodes.Node:  # noqa: N802
        match node:
            case nodes.Call(node=nodes.Name(name="_" | "gettext"), args=[nodes.Const(value=str(text))], kwargs=[]):
                return nodes.Const(Markup(gettext(text)) % {}, lineno=node.lineno)
        return self.generic_visit(node, *arguments, **options)
