"""Messages sent for money are counted by account and month."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_IS_PAID = sa.text("reason = 'paid'")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_paid",
        "deliveries",
        ["sender", "finished_at"],
        sqlite_where=_IS_PAID,
        postgresql_where=_IS_PAID,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_paid", table_name="deliveries")
