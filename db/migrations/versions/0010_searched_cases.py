"""Each role knows how far older cases were looked through for its officer's name."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_IS_LEFT = sa.text("searched_to IS NOT NULL")
_FACT = "officers_looked_for"


def upgrade() -> None:
    op.add_column("role_grants", sa.Column("searched_to", _ID, nullable=True))
    facts = sa.table("deployment_facts", sa.column("name", sa.String), sa.column("value", sa.String))
    connection = op.get_bind()
    done_to = connection.scalar(sa.select(facts.c.value).where(facts.c.name == _FACT))
    connection.execute(
        sa.text("UPDATE role_grants SET searched_to = 0 WHERE id > :done_to"),
        {"done_to": int((done_to or "0").split(":")[0])},
    )
    connection.execute(sa.delete(facts).where(facts.c.name == _FACT))
    op.create_index(
        "ix_role_grants_unsearched", "role_grants", ["unit_id"], sqlite_where=_IS_LEFT, postgresql_where=_IS_LEFT
    )


def downgrade() -> None:
    op.drop_index("ix_role_grants_unsearched", table_name="role_grants")
    op.drop_column("role_grants", "searched_to")
