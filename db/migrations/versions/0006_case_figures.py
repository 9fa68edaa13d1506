"""Published figures about cases, and places of which an alert was raised."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case_publications",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_publications")),
        sa.UniqueConstraint("kind", "from_on", name=op.f("uq_case_publications_kind_from_on")),
    )
    op.create_table(
        "case_blocks",
        sa.Column("id", ID, nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_case_blocks_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_blocks")),
        sa.UniqueConstraint("month_on", "unit_id", "is_own", name=op.f("uq_case_blocks_month_on_unit_id_is_own")),
    )
    op.create_table(
        "case_block_members",
        sa.Column("case_id", ID, nullable=False),
        sa.Column("block_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["block_id"], ["case_blocks.id"], name=op.f("fk_case_block_members_block_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_block_members_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_block_members")),
    )
    op.create_index(op.f("ix_case_block_members_block_id"), "case_block_members", ["block_id"], unique=False)
    op.create_table(
        "case_figures",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("measure", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("out_of", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_case_figures_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_figures")),
        sa.UniqueConstraint(
            "unit_id", "kind", "from_on", "measure", name=op.f("uq_case_figures_unit_id_kind_from_on_measure")
        ),
    )
    op.create_index("ix_case_figures_period", "case_figures", ["kind", "from_on"], unique=False)
    op.create_table(
        "hot_spots",
        sa.Column("id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("commune", sa.String(length=80), nullable=True),
        sa.Column("category", sa.String(length=20), nullable=True),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_hot_spots_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hot_spots")),
    )
    op.create_index("ix_hot_spots_unit", "hot_spots", ["unit_id"], unique=False)
    op.create_index("ix_cases_opened", "cases", ["opened_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_cases_opened", table_name="cases")
    op.drop_index("ix_hot_spots_unit", table_name="hot_spots")
    op.drop_table("hot_spots")
    op.drop_index("ix_case_figures_period", table_name="case_figures")
    op.drop_table("case_figures")
    op.drop_index(op.f("ix_case_block_members_block_id"), table_name="case_block_members")
    op.drop_table("case_block_members")
    op.drop_table("case_blocks")
    op.drop_table("case_publications")
