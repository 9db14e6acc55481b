"""The declarative base, the engine and sessions. Everything is synchronous, one commit per request."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from itertools import islice
from time import monotonic
from typing import Annotated, Any, TypeVar

from psycopg import OperationalError
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Engine,
    Enum,
    Identity,
    MetaData,
    any_,
    create_engine,
    event,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

# Stable names, so that migrations can speak of constraints.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Of one process. Several processes on one database must fit its `max_connections`, which is 100 unless set.
POOLED, MOST_CONNECTIONS = 8, 16
AWAY = {"57P01", "57P02", "57P03", "53300"}  # it shuts down, crashed, starts up, has no connection left
DISK_FULL = "53100"
FRESH_SECONDS = 5  # a connection used so lately is taken to be alive still: a ping is a journey to the server

Row = TypeVar("Row")

PrimaryKey = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def choices(kind: type[StrEnum], name: str) -> Enum:
    """Text with a check constraint: a value can be added by one migration and `psql` stays readable."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def connect(url: str) -> Engine:
    """An engine whose connections expire, because a statement prepared on an empty table keeps a bad plan."""
    engine = create_engine(url, pool_size=POOLED, max_overflow=MOST_CONNECTIONS - POOLED, pool_recycle=600)
    event.listen(engine, "connect", _compile_nothing)
    event.listen(engine, "checkin", _note_when)
    event.listen(engine, "checkout", _ping_after_a_pause)
    return engine


def _compile_nothing(connection: Any, _record: object) -> None:
    """PostgreSQL would compile each costly statement anew, which takes longer than the statement."""
    connection.autocommit = True
    connection.execute("SET jit = off")
    connection.autocommit = False


def _note_when(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = monotonic()


def _ping_after_a_pause(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """The server may have restarted since. The pool answers this error with a new connection."""
    if monotonic() - record.info.get("used_at", monotonic()) < FRESH_SECONDS:
        return
    try:
        connection.execute("")
        connection.rollback()
    except OperationalError as error:
        raise DisconnectionError from error


def is_out_of_reach(error: DBAPIError) -> bool:
    """Whether it says that the server was not there to answer, and not that the statement went wrong.

    Of a process's connections one meets this after a restart: the engine then replaces all of them.
    """
    state = state_of(error)
    return error.connection_invalidated or not state or state.startswith("08") or state in AWAY


def is_disk_full(error: DBAPIError) -> bool:
    return state_of(error) == DISK_FULL


def state_of(error: DBAPIError) -> str | None:
    """PostgreSQL's five characters; none where no server said anything."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session for commands and the worker: committed when the block ends well, else rolled back."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def among(column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:
    """`column IN (numbers)` for any many of them: as one array, since a statement takes 65,535 parameters at most."""
    condition: ColumnElement[bool] = column == any_(literal(list(numbers), ARRAY(BigInteger)))
    return condition


def in_batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """As many rows as one statement should carry, at a time."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
