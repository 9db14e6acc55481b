"""Texts kept as sanitised HTML, so that what is slow to format is formatted once, for everybody and every process."""

from collections.abc import Iterable, Mapping
from functools import cache

from sqlalchemy import ARRAY, LargeBinary, Select, any_, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.completions.models import RenderedText


def kept_html(session: Session, digests: Iterable[bytes], renderer: int, language: str) -> dict[bytes, str]:
    """By digest, in one query; those that are not there, or were made by other code, are left out."""
    values = {"digests": list(digests), "renderer": renderer, "language": language}
    return dict(session.execute(_kept(), values).all())


@cache  # nearly every desk asks it
def _kept() -> Select[bytes, str]:
    return select(RenderedText.digest, RenderedText.html).where(
        RenderedText.digest == any_(bindparam("digests", type_=ARRAY(LargeBinary))),
        RenderedText.renderer == bindparam("renderer"),
        RenderedText.language == bindparam("language"),
    )


def keep_html(session: Session, html: Mapping[bytes, str], renderer: int, language: str) -> None:
    """What is kept already stays. In one order for everybody, so that no two who keep the same wait for each other."""
    rows = [
        {"digest": digest, "renderer": renderer, "language": language, "html": html[digest]} for digest in sorted(html)
    ]
    if rows:
        session.execute(insert(RenderedText).on_conflict_do_nothing(), rows)
