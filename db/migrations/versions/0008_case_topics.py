"""Groups of officers, and the topic of each case there."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IS_TIED = sa.text("tied_at IS NOT NULL AND ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "officer_groups",
        sa.Column("id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("asked_by_id", ID, nullable=True),
        sa.Column("code_hash", sa.String(length=32), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("title", sa.LargeBinary(), nullable=True),
        sa.Column("tied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why_ended", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_officer_groups_unit_id")),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["people.id"], name=op.f("fk_officer_groups_asked_by_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_groups")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_officer_groups_code_hash")),
    )
    op.create_index(op.f("ix_officer_groups_asked_by_id"), "officer_groups", ["asked_by_id"], unique=False)
    for name, column in (("ix_officer_groups_tied_unit", "unit_id"), ("ix_officer_groups_tied_lane", "lane")):
        op.create_index(name, "officer_groups", [column], unique=True, sqlite_where=IS_TIED, postgresql_where=IS_TIED)
    op.create_table(
        "case_topics",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("line", sa.String(length=40), nullable=True),
        sa.Column("doing", sa.String(length=20), nullable=True),
        sa.Column("told_number", sa.Integer(), nullable=False),
        sa.Column("face", sa.String(length=120), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_topics_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["officer_groups.id"], name=op.f("fk_case_topics_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_topics")),
        sa.UniqueConstraint("case_id", "group_id", name=op.f("uq_case_topics_case_id_group_id")),
    )
    op.create_index("ix_case_topics_group", "case_topics", ["group_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_case_topics_group", table_name="case_topics")
    op.drop_table("case_topics")
    op.drop_index("ix_officer_groups_tied_lane", table_name="officer_groups")
    op.drop_index("ix_officer_groups_tied_unit", table_name="officer_groups")
    op.drop_index(op.f("ix_officer_groups_asked_by_id"), table_name="officer_groups")
    op.drop_table("officer_groups")
