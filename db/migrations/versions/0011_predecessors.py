"""The units that went on in one are found without walking through all."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_units_successor_id", "units", ["successor_id"])


def downgrade() -> None:
    op.drop_index("ix_units_successor_id", table_name="units")
