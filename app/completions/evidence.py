"""Sources that came with a text, to be judged with it: a page that was read, a passage that was quoted."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from app.errors import InvalidInput
from app.prompts.messages import checked_text
from app.translation import gettext as _

MOST_SOURCES = 50
LONGEST_TEXT = 100_000
SHORTEST_NAME = 3  # "A" is a word
SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class EvidenceSource:
    """`url` leads to the web or is none; `text` is Markdown, and may be empty."""

    title: str
    url: str | None = None
    text: str = ""


Evidence = tuple[EvidenceSource, ...]


def read_evidence(value: Any) -> Evidence:
    """A list of `{title, url?, text?}`. Raises `InvalidInput`."""
    if not isinstance(value, list) or len(value) > MOST_SOURCES:
        raise InvalidInput(reason=_("Evidence is a list of at most {most} sources.").format(most=MOST_SOURCES))
    return tuple(_source(each) for each in value)


def stored(evidence: Iterable[EvidenceSource]) -> list[dict[str, Any]]:
    return [{name: value for name, value in asdict(source).items() if value} for source in evidence]


def check_anonymous(evidence: Evidence, authors: Iterable[str]) -> None:
    """Nobody who judges may learn who wrote the text. Raises `InvalidInput` where a source names one of its authors."""
    shown = " ".join(f"{source.title} {source.url or ''} {source.text}" for source in evidence)
    for author in authors:
        is_name = author != "human" and len(author) >= SHORTEST_NAME
        if is_name and re.search(rf"(?<!\w){re.escape(author)}(?!\w)", shown, re.IGNORECASE):
            raise InvalidInput(reason=_("The evidence names {author}, who wrote the output.").format(author=author))


def _source(value: Any) -> EvidenceSource:
    if not isinstance(value, dict) or not value.keys() <= {"title", "url", "text"}:
        raise InvalidInput(reason=_("A source of evidence has a title, and may have a url and a text."))
    title, url, text = value.get("title"), value.get("url") or None, value.get("text") or ""
    if not isinstance(title, str) or not title.strip() or not isinstance(text, str):
        raise InvalidInput(reason=_("A source of evidence has a title, and may have a url and a text."))
    if url is not None and not (isinstance(url, str) and url.lower().startswith(SCHEMES)):
        raise InvalidInput(reason=_("The address of a source begins with http:// or https://."))
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(reason=_("A source of evidence is longer than {most} characters.").format(most=LONGEST_TEXT))
    return EvidenceSource(checked_text(title), url and checked_text(url), checked_text(text))
