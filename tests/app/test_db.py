import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db import among, connect, in_batches
from app.prompts.models import Prompt
from tests.factories import make_prompt

MANY = 70_000  # a statement takes 65,535 parameters


def test_any_many_numbers_fit_into_one_condition(session: Session) -> None:
    wanted, other = make_prompt(session), make_prompt(session)
    numbers = [wanted.id, *range(other.id + 1, other.id + MANY)]
    assert session.scalars(select(Prompt.id).where(among(Prompt.id, numbers))).all() == [wanted.id]
    assert session.scalars(select(Prompt.id).where(among(Prompt.id, []))).all() == []


def test_rows_come_in_batches_with_a_rest() -> None:
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_a_connection_that_broke_while_it_was_idle_is_replaced(
    fresh_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.FRESH_SECONDS", 0)
    first = _backend_of(fresh_database)
    assert _backend_of(fresh_database) == first
    _terminate(fresh_database, first)
    assert _backend_of(fresh_database) != first


def test_a_connection_that_was_used_just_now_is_taken_as_it_is(fresh_database: Engine) -> None:
    _terminate(fresh_database, _backend_of(fresh_database))
    with pytest.raises(OperationalError):
        _backend_of(fresh_database)
    assert _backend_of(fresh_database)


def _backend_of(engine: Engine) -> int:
    """The number of the server's process behind the connection that the pool hands out."""
    with engine.connect() as connection:
        return connection.execute(select(func.pg_backend_pid())).scalar_one()


def _terminate(engine: Engine, backend: int) -> None:
    """From a pool of its own."""
    other = connect(engine.url.render_as_string(hide_password=False))
    with other.connect() as connection:
        connection.execute(select(func.pg_terminate_backend(backend, 10_000)))
    other.dispose()


def test_no_statement_is_compiled(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("SHOW jit")).scalar_one() == "off"
        assert not connection.connection.driver_connection.autocommit
