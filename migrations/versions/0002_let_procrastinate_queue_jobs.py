"""Let procrastinate queue jobs.

The schema is the one that the installed release brings; pyproject.toml holds it at 3.10. A newer release comes with a
revision that does what its own migrations do.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"

DROP_ALL = """
DO $$
DECLARE
    thing text;
BEGIN
    FOR thing IN SELECT tablename FROM pg_tables
            WHERE schemaname = current_schema AND tablename ^@ 'procrastinate_' LOOP
        EXECUTE format('DROP TABLE %I CASCADE', thing);
    END LOOP;
    FOR thing IN SELECT oid::regprocedure FROM pg_proc
            WHERE pronamespace = current_schema::regnamespace AND proname ^@ 'procrastinate_' LOOP
        EXECUTE 'DROP FUNCTION ' || thing;
    END LOOP;
    FOR thing IN SELECT typname FROM pg_type
            WHERE typnamespace = current_schema::regnamespace AND typname ^@ 'procrastinate_' LOOP
        EXECUTE format('DROP TYPE %I', thing);
    END LOOP;
END $$
"""


def upgrade() -> None:
    run(SchemaManager.get_schema())


def downgrade() -> None:
    run(DROP_ALL)


def run(statements: str) -> None:
    """Several statements at once, which only the driver takes, and only without parameters."""
    driver = op.get_bind().connection.driver_connection
    assert driver
    driver.execute(statements)
