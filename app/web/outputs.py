"""An output as the desk shows it: formatted, as it was written, how long it is, and the sources that came with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from app.completions.evidence import Evidence
from app.prompts.words import words_in
from app.web.rendering import is_too_long, plain


@dataclass(frozen=True)
class ShownSource:
    title: str
    url: str | None
    html: Markup


@dataclass(frozen=True)
class ShownText:
    """`plain` is none where `html` shows the text as it was written anyway."""

    html: Markup
    plain: Markup | None
    words: int
    characters: int
    sources: tuple[ShownSource, ...]


def texts_of(text: str, evidence: Evidence) -> list[str]:
    """All that has to be formatted to show it."""
    return [text, *(source.text for source in evidence)]


def shown_text(text: str, evidence: Evidence, html: Mapping[str, Markup]) -> ShownText:
    """`html` holds at least `texts_of` it."""
    return ShownText(
        html[text],
        None if is_too_long(text) else plain(text),
        len(words_in(text)),
        len(text),
        tuple(ShownSource(source.title, source.url, html[source.text]) for source in evidence),
    )
