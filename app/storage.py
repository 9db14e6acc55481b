"""Opening what Rondo keeps: the database of the settings, embedded or elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, make_url

from app.config import Settings
from app.db import connect
from app.embedded import running
from app.errors import DomainError, message
from app.schema import SchemaOlder, require_current, upgrade


class DatabaseUrlInvalid(DomainError):
    sentence = message("RONDO_DATABASE_URL has to begin with postgresql:// and name a host or a socket folder.")


@contextmanager
def storage(settings: Settings) -> Iterator[Engine]:
    """A database whose schema is this code's; the embedded one is brought there, another is left as it is.

    Enter it in the main thread. Raises the errors of `app.embedded.running` and `app.schema.require_current`.
    """
    with database(settings) as engine:
        try:
            require_current(engine)
        except SchemaOlder:
            if settings.database_url is not None:
                raise
            upgrade(engine)
        yield engine


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """A database that may be empty, older or newer than this code: for migrations, backup and restore."""
    with _url(settings) as url:
        engine = connect(url)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def _url(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield psycopg_url(settings.database_url)
    else:
        with running(settings.home) as server:
            yield server.url()


def psycopg_url(url: str) -> str:
    """The same address with our driver, giving up after a while. People write `postgresql://` or `postgres://`."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise DatabaseUrlInvalid()
    address = make_url(f"postgresql+psycopg://{rest}")
    patience = {"connect_timeout": "10", **address.query}
    return address.set(query=patience).render_as_string(hide_password=False)
