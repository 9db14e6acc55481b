"""Format texts ahead

Up to which position the texts of a campaign's tasks were made HTML before anybody asked for them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("formatted_to", sa.Double(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("campaigns", "formatted_to")
