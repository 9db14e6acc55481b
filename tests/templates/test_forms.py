"""The form controls, as browsers will treat them."""

from app.web.templating import environment

IMPORT = '{% from "components/forms.html" import select_field with context %}'


def _select(options: str) -> str:
    return environment().from_string(f'{IMPORT}{{{{ select_field("split", "Split", {options}) }}}}').render()


def test_a_choice_that_may_stay_empty_is_not_refused_by_the_browser() -> None:
    assert " required" not in _select('[("", "All"), ("test", "Test")]')


def test_a_choice_without_an_empty_option_is_required() -> None:
    assert " required" in _select('[("train", "Train"), ("test", "Test")]')
