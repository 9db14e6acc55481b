from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from app import schema
from app.tables import is_ours, metadata

# What the catalog says of every table but those of others: columns, defaults, constraints, indexes.
DEFINITIONS = text("""
    WITH ours AS (
        SELECT oid, relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
          AND relname <> 'alembic_version' AND NOT relname ^@ 'procrastinate_'
    )
    SELECT relname, attname,
           concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid))
      FROM ours JOIN pg_attribute a ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT relname, conname, pg_get_constraintdef(c.oid) FROM ours JOIN pg_constraint c ON conrelid = ours.oid
    UNION ALL
    SELECT relname, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
      FROM ours JOIN pg_index ON indrelid = ours.oid
    ORDER BY 1, 2, 3
""")


def definitions(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(DEFINITIONS)}


def test_the_migrations_make_exactly_what_the_models_say(fresh_database):
    migrated = definitions(fresh_database)
    schema.downgrade(fresh_database, "base")
    metadata.create_all(fresh_database)
    assert definitions(fresh_database) == migrated
    assert ("users", "ck_users_labelers_have_a_cohort") in {row[:2] for row in migrated}


def test_alembic_finds_nothing_to_generate(fresh_database):
    with fresh_database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        assert compare_metadata(context, metadata) == []


def test_every_migration_can_be_taken_back(fresh_database):
    migrated = definitions(fresh_database)
    schema.downgrade(fresh_database, "base")
    assert inspect(fresh_database).get_table_names() == ["alembic_version"]
    schema.upgrade(fresh_database)
    assert definitions(fresh_database) == migrated
    schema.require_current(fresh_database)


def test_an_older_schema_says_which_command_brings_it_up(fresh_database):
    schema.downgrade(fresh_database, "-1")
    with pytest.raises(schema.SchemaOlder, match="rondo db upgrade"):
        schema.require_current(fresh_database)


def test_an_empty_database_is_older(fresh_database):
    schema.downgrade(fresh_database, "base")
    with pytest.raises(schema.SchemaOlder, match="at nothing"):
        schema.require_current(fresh_database)


def test_a_newer_schema_is_neither_used_nor_changed(fresh_database):
    with fresh_database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    with pytest.raises(schema.SchemaNewer, match="from_the_future"):
        schema.require_current(fresh_database)
    with pytest.raises(schema.SchemaNewer, match="install a newer Rondo"):
        schema.upgrade(fresh_database)


def test_two_upgrades_at_once_are_one(fresh_database):
    schema.downgrade(fresh_database, "base")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: schema.upgrade(fresh_database), range(2)))
    schema.require_current(fresh_database)


def test_going_back_to_a_revision_that_never_was_says_so(fresh_database: Engine) -> None:
    with pytest.raises(schema.NoSuchRevision, match="no revision 9999"):
        schema.downgrade(fresh_database, "9999")
