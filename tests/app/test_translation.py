from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from app import translation
from app.translation import (
    accepted_language,
    available_languages,
    gettext,
    language_of_environment,
    speak,
    speaking,
    spoken_language,
    spoken_locale,
)


def test_english_is_there_without_a_catalog() -> None:
    assert available_languages()["en"] == "English"
    with speaking("en"):
        assert gettext("Sign in") == "Sign in"


def test_a_catalog_is_a_language() -> None:
    assert available_languages()["zh"] == "中文"
    with speaking("zh"):
        assert gettext("Sign in") == "登录"
        assert spoken_locale().language == "zh"


def test_an_unknown_language_is_english() -> None:
    with speaking("tlh"):
        assert spoken_language() == "en"


def test_what_the_catalog_lacks_stays_english() -> None:
    with speaking("zh"):
        assert gettext("No catalog has this sentence.") == "No catalog has this sentence."


def test_a_language_ends_with_its_block() -> None:
    with speaking("zh"), speaking("en"):
        assert spoken_language() == "en"
    assert spoken_language() == "en"


def test_what_one_thread_of_a_conversation_learns_all_speak() -> None:
    with speaking("en"), ThreadPoolExecutor(1) as threads:
        threads.submit(copy_context().run, speak, "zh").result()
        assert spoken_language() == "zh"
    assert spoken_language() == "en"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.2, zh-Hant-TW;q=0.5", "zh"),
        ("fr, de;q=0.9, *;q=0.1", "en"),
        ("zh;q=0, en", "en"),
        ("fr;q=x, zh;q=, ;;,\x00", "en"),
    ],
)
def test_the_browser_says_which_language_it_would_rather_have(header: str, language: str) -> None:
    assert accepted_language(header) == language


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "fr:zh"}, "zh"),
    ],
)
def test_a_terminal_speaks_the_language_of_its_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    for name in translation.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language_of_environment() == language
