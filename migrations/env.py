"""How Alembic reaches the database: over the connection it is given, else over the one of the settings."""

from alembic import context
from sqlalchemy import Connection

from app.config import settings
from app.storage import database
from app.tables import is_ours, metadata


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_name=is_ours)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with database(settings()) as engine, engine.begin() as connection:
        migrate(connection)
