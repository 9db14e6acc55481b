"""The declarative base, the engine and sessions. Everything is synchronous, one commit per request."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, TypeVar

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
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

# Stable names, so that migrations can speak of constraints.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

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
    return create_engine(url, pool_size=10, max_overflow=20, pool_recycle=600, pool_pre_ping=True)


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
