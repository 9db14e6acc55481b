"""Every sentence is there in every language: `python -m tests.catalogs --write`, then translate what is empty."""

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages import Message

from tests.catalogs import catalog_paths, read, sentences, untranslated

FILLED_IN = re.compile(r"%\(\w+\)\w|%%")
CATALOGS = pytest.mark.parametrize("path", catalog_paths(), ids=lambda path: path.stem)


def test_there_is_chinese() -> None:
    assert "zh" in [path.stem for path in catalog_paths()]


@CATALOGS
def test_a_catalog_has_exactly_what_is_said(path: Path) -> None:
    said = {(message.context, message.id) for message in sentences() if message.id}
    translated = {(message.context, message.id) for message in read(path) if message.id}
    assert said - translated == set(), "new: run python -m tests.catalogs --write"
    assert translated - said == set(), "gone: run python -m tests.catalogs --write"
    assert not read(path).obsolete


@CATALOGS
def test_nothing_is_left_untranslated_or_guessed(path: Path) -> None:
    assert [message.id for message in untranslated(read(path))] == []
    assert [message.id for message in read(path) if message.id and message.fuzzy] == []


@CATALOGS
def test_translations_fill_in_the_same_fields(path: Path) -> None:
    wrong = [message.id for message in read(path) if message.id and not _same_fields(message)]
    assert wrong == []


def _same_fields(message: Message) -> bool:
    *_, widest = _several(message.id)  # a singular may leave its number out
    return all(fields(text) == fields(widest) for text in _several(message.string))


def _several(texts: object) -> tuple[str, ...]:
    return tuple(texts) if isinstance(texts, (tuple, list)) else (str(texts),)


def fields(text: str) -> list[str]:
    """What is filled in, in both manners: `%(name)s` in templates, `{name!r}` in Python."""
    if named := FILLED_IN.findall(text):
        return sorted(named)
    return sorted(f"{name}!{how}:{form}" for _, name, form, how in Formatter().parse(text) if name is not None)


@CATALOGS
def test_no_translation_in_a_template_has_a_lone_percent_sign(path: Path) -> None:
    """Jinja fills in every sentence with `%`, fields or not; a lone one ends in an error page."""
    said_in_templates = [
        each for each in read(path) if any(file.startswith("templates/") for file, _ in each.locations)
    ]
    lone = [text for each in said_in_templates for text in _several(each.string) if "%" in FILLED_IN.sub("", text)]
    assert lone == []


@pytest.mark.parametrize("text", ["{a} of {b}", "{a!r}", "%(a)s of %(b)s", "95 %%"])
def test_a_field_that_was_lost_is_noticed(text: str) -> None:
    assert fields(text) != fields("nothing")
