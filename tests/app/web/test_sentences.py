"""Sentences of templates: translated once, when a template is compiled, and the same as if they were looked up."""

import pytest
from jinja2 import DictLoader

from app.translation import speaking
from app.web.sentences import OneLanguage
from app.web.templating import environment


def _language(code: str, template: str) -> OneLanguage:
    pages = OneLanguage(loader=DictLoader({"page": template}), autoescape=True, extensions=["jinja2.ext.i18n"])
    pages.language = code
    pages.install_gettext_callables(_fails, _fails, newstyle=True)  # type: ignore[attr-defined]
    return pages


def _fails(*_arguments: object) -> str:
    raise AssertionError("looked up while the page was rendered")


@pytest.mark.parametrize(
    "template", ['{{ _("Sign in") }}', "{% trans %}Sign in{% endtrans %}", '{{ gettext("Sign in") }}']
)
def test_a_sentence_that_stands_there_is_not_looked_up_on_the_page(template: str) -> None:
    assert _language("en", template).get_template("page").render() == "Sign in"
    assert _language("zh", template).get_template("page").render() == "登录"


def test_a_sentence_with_a_value_is_looked_up_on_the_page() -> None:
    with pytest.raises(AssertionError, match="looked up"):
        _language("en", '{{ _("%(name)s came", name="<i>") }}').get_template("page").render()
    assert environment().from_string('{{ _("%(name)s came", name="<i>") }}').render() == "&lt;i&gt; came"


@pytest.mark.parametrize(("sentence", "shown"), [("100%% sure", "100% sure"), ("<b>bold</b>", "<b>bold</b>")])
def test_it_is_html_with_percent_signs_as_gettext_has_it(sentence: str, shown: str) -> None:
    assert environment().from_string(f'{{{{ _("{sentence}") }}}}').render() == shown
    assert environment().from_string(f'{{% set text = "{sentence}" %}}{{{{ _(text) }}}}').render() == shown


def test_each_language_has_templates_of_its_own() -> None:
    with speaking("zh"):
        chinese = environment()
        assert chinese.from_string('{{ _("Sign in") }}').render() == "登录"
    with speaking("en"):
        assert environment() is not chinese
        assert environment().from_string('{{ _("Sign in") }}').render() == "Sign in"
