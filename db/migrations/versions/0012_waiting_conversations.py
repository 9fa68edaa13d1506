"""What somebody had begun waits while they do something else, in place of being lost; cases that became one matter are
found without walking through all."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("held", sa.LargeBinary(), nullable=True))
    op.create_index("ix_cases_merged", "cases", ["merged_into_id"])


def downgrade() -> None:
    op.drop_index("ix_cases_merged", "cases")
    op.drop_column("conversations", "held")
