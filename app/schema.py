"""Which revision the database is at, which one this code needs, and how to get from one to the other."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from app.errors import DomainError, message

ONE_AT_A_TIME = 0x526F6E646F  # an advisory lock: "Rondo"


class DatabaseUnreachable(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message("The database does not answer: {reason}")


class SchemaOlder(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message(
        "The database is older than this Rondo (at {found}, needs {needed}). Make a backup, then: rondo db upgrade"
    )


class NoSuchRevision(DomainError):
    sentence = message("There is no revision {revision} to go back to.")


class SchemaNewer(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message("The database is at revision {found}, which this Rondo does not know: install a newer Rondo.")


def require_current(engine: Engine) -> None:
    """The database answers and its schema is this code's. Raises DatabaseUnreachable, SchemaOlder, SchemaNewer."""
    found, needed = current_revision(engine), head_revision()
    if found == needed:
        return
    if found and not is_known(found):
        raise SchemaNewer(found=found)
    raise SchemaOlder(found=found or "nothing", needed=needed)


def current_revision(engine: Engine) -> str | None:
    """None for an empty database. Raises DatabaseUnreachable."""
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise DatabaseUnreachable(reason=str(error.orig).strip()) from error


def head_revision() -> str:
    head = _scripts().get_current_head()
    assert head, "there is always a first migration"
    return head


def is_known(revision: str) -> bool:
    try:
        return _scripts().get_revision(revision) is not None
    except CommandError:
        return False


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Raises SchemaNewer, DatabaseUnreachable. Two processes that upgrade at once do it one after the other."""
    found = current_revision(engine)
    if found and not is_known(found):
        raise SchemaNewer(found=found)
    with engine.begin() as connection:
        command.upgrade(_configuration(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Raises NoSuchRevision, DatabaseUnreachable."""
    current_revision(engine)  # says so where nobody answers
    try:
        with engine.begin() as connection:
            command.downgrade(_configuration(connection), revision)
    except CommandError as error:
        raise NoSuchRevision(revision=revision) from error


def _configuration(connection: Connection) -> Config:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(_folder())


def _folder() -> Path:
    """`migrations` lies beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent
    packed = package / "migrations"
    return packed if packed.is_dir() else package.parent / "migrations"
