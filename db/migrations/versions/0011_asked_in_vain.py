"""Who was asked to claim a case and may not have it by now is marked apart from who said no; the units that went on in
another one are found without walking through all."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case_alerts", sa.Column("barred_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_units_successor_id", "units", ["successor_id"])


def downgrade() -> None:
    op.drop_index("ix_units_successor_id", table_name="units")
    op.drop_column("case_alerts", "barred_at")
