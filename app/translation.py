"""What is said to people, in their language: gettext catalogs, and which of them speaks here and now.

    with speaking("zh"):
        gettext("Save")

English is what stands in the code. Every other language is one file, `app/locale/LANGUAGE.po`, read when it is first
spoken; nothing has to be compiled.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE_LANGUAGE = "en"
CATALOGS = Path(__file__).parent / "locale"
ENVIRONMENT = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # the first one set decides, as in GNU gettext


@dataclass
class Conversation:
    """Threads work on copies of a context, which all hold this one object: what one of them learns, all speak."""

    language: str


_conversation: ContextVar[Conversation] = ContextVar("conversation")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within it, and in the threads started from it, sentences are in `language`, else English."""
    token = _conversation.set(Conversation(known(language)))
    try:
        yield
    finally:
        _conversation.reset(token)


def speak(language: str) -> None:
    """Go on in `language`, in every thread of the conversation; outside of one it changes nothing."""
    if conversation := _conversation.get(None):
        conversation.language = known(language)


def spoken_language() -> str:
    conversation = _conversation.get(None)
    return conversation.language if conversation else language_of_environment()


def spoken_locale() -> Locale:
    """How dates and numbers are written in the language spoken."""
    return _locale(spoken_language())


@lru_cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


def gettext(message: str) -> str:
    """An empty one stays empty; in a catalog it stands for the catalog's head."""
    return _translations(spoken_language()).gettext(message) if message else ""


def ngettext(singular: str, plural: str, number: int) -> str:
    return _translations(spoken_language()).ngettext(singular, plural, number)


def pgettext(context: str, message: str) -> str:
    """A word that means several things, by what it means here."""
    return _translations(spoken_language()).pgettext(context, message)


def state_in_words(state: str) -> str:
    """`set_aside` as people say it, in the middle of a sentence."""
    return pgettext("state", state.replace("_", " "))


@lru_cache
def available_languages() -> Mapping[str, str]:
    """The codes and their own names, English first: `{"en": "English", "zh": "中文"}`."""
    codes = [SOURCE_LANGUAGE, *sorted(path.stem for path in CATALOGS.glob("*.po"))]
    return {code: (Locale.parse(code).get_language_name(code) or code).capitalize() for code in codes}


def known(language: str) -> str:
    return language if language in available_languages() else SOURCE_LANGUAGE


def language_of_environment() -> str:
    """What the person at this terminal reads: `LANG=zh_CN.UTF-8`."""
    wish = next(filter(None, map(os.environ.get, ENVIRONMENT)), "")
    return first_available(wish.split(":")) or SOURCE_LANGUAGE


@lru_cache(maxsize=256)  # browsers of one language all send the same
def accepted_language(header: str) -> str:
    """The best of an Accept-Language header (RFC 9110, section 12.5.4): `zh-CN,zh;q=0.9,en;q=0.8`."""
    weighed = [(_weight(parameters), tag) for tag, _, parameters in (r.partition(";") for r in header.split(","))]
    wanted = sorted((wish for wish in weighed if wish[0] > 0), key=lambda wish: -wish[0])
    return first_available([tag for _weight, tag in wanted]) or SOURCE_LANGUAGE


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


def first_available(tags: list[str]) -> str | None:
    """The first one that we speak, whatever its region or script: `zh-Hans-CN` and `zh_CN.UTF-8` are `zh`."""
    for tag in tags:
        try:
            code = Locale.parse(tag.strip().partition(".")[0].replace("_", "-"), sep="-").language
        except (ValueError, UnknownLocaleError):
            continue
        if code in available_languages():
            return code
    return None


@lru_cache
def _translations(language: str) -> NullTranslations:
    """A message that the catalog lacks stays English."""
    path = CATALOGS / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
