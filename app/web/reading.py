"""Texts as sanitised HTML: from this process's memory, else from the database, else formatted now."""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from threading import Lock
from time import thread_time

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.completions.rendered import keep_html, kept_html
from app.translation import spoken_language
from app.web.rendering import RENDERER, is_too_long, render_unmarked, render_untrusted, shown_as_written

# Of processor time, after which code is not marked any more, and after which nothing is formatted any more. The text
# that was begun last may take as long as the costliest one on top.
MARKING_SECONDS = 0.11
PAGE_SECONDS = 0.16
MEMORY_CHARACTERS = 32_000_000
WORTH_KEEPING = 2_000  # characters; a shorter text is formatted before a database has kept it

Key = tuple[bytes, str]  # digest and language


class Memory:
    """What was asked for last, up to a number of characters; shared by all threads."""

    def __init__(self, characters: int) -> None:
        self._left = characters
        self._kept: OrderedDict[Key, str] = OrderedDict()
        self._lock = Lock()

    def among(self, keys: Iterable[Key]) -> dict[Key, str]:
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
            return found

    def keep(self, html: dict[Key, str]) -> None:
        with self._lock:
            for key, text in html.items():
                self._left += len(self._kept.pop(key, "")) - len(text)
                self._kept[key] = text
            while self._left < 0:
                self._left += len(self._kept.popitem(last=False)[1])


memory = Memory(MEMORY_CHARACTERS)


def html_of(session: Session, texts: Iterable[str]) -> dict[str, Markup]:
    """By text; the words that the renderer adds are in the language spoken.

    A page has its time. What is left then is formatted in less time or not at all, is not kept, and comes right when
    it is next asked for.
    """
    wanted, language = dict.fromkeys(texts), spoken_language()
    keys = {(_digest(text), language): text for text in wanted if not is_too_long(text)}
    html = memory.among(keys)
    if missing := keys.keys() - html.keys():
        long = {key[0] for key in missing if len(keys[key]) >= WORTH_KEEPING}
        kept = kept_html(session, [digest for digest, _ in missing], RENDERER, language)
        fresh = _formatted({key: text for key, text in keys.items() if key in missing and key[0] not in kept})
        keep_html(session, {digest: text for (digest, _), text in fresh.items() if digest in long}, RENDERER, language)
        found = {(digest, language): text for digest, text in kept.items()} | fresh
        memory.keep(found)
        html |= found
    shown = {text: Markup(html[key]) for key, text in keys.items() if key in html}
    return shown | _in_haste([text for text in wanted if text not in shown])


def keep_ahead(session: Session, texts: Iterable[str]) -> None:
    """So that `html_of` finds them all in the database. Takes the time that it takes."""
    language = spoken_language()
    wanted = {_digest(text): text for text in texts if not is_too_long(text)}
    missing = wanted.keys() - kept_html(session, wanted, RENDERER, language)
    html = {digest: str(render_untrusted(wanted[digest])) for digest in missing}
    keep_html(session, html, RENDERER, language)


def _formatted(texts: dict[Key, str]) -> dict[Key, str]:
    """As many as there is time for."""
    html: dict[Key, str] = {}
    end = thread_time() + MARKING_SECONDS
    for key, text in texts.items():
        if thread_time() > end:
            break
        html[key] = str(render_untrusted(text))
    return html


def _in_haste(texts: list[str]) -> dict[str, Markup]:
    end = thread_time() + PAGE_SECONDS - MARKING_SECONDS
    return {text: render_unmarked(text) if thread_time() < end else shown_as_written(text) for text in texts}


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
