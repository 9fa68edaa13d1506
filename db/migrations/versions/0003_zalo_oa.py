"""Zalo Official Account: its tokens, its followers, and what reached whom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "zalo_oa_followers",
        sa.Column("id", ID, nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("is_following", sa.Boolean(), nullable=False),
        sa.Column("follow_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("interacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zalo_oa_followers")),
        sa.UniqueConstraint("sender", "address_hash", name=op.f("uq_zalo_oa_followers_sender_address_hash")),
    )
    op.create_table(
        "zalo_oa_receipts",
        sa.Column("id", ID, nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("message_id", sa.String(length=80), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zalo_oa_receipts")),
        sa.UniqueConstraint("sender", "message_id", name=op.f("uq_zalo_oa_receipts_sender_message_id")),
    )
    with op.batch_alter_table("zalo_oa_receipts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_zalo_oa_receipts_noted_at"), ["noted_at"], unique=False)

    op.create_table(
        "zalo_oa_tokens",
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("code_verifier", sa.LargeBinary(), nullable=False),
        sa.Column("login_hash", sa.String(length=32), nullable=True),
        sa.Column("login_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("access_token", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("obtained_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("access_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=40), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_zalo_oa_tokens")),
    )


def downgrade() -> None:
    op.drop_table("zalo_oa_tokens")
    with op.batch_alter_table("zalo_oa_receipts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zalo_oa_receipts_noted_at"))

    op.drop_table("zalo_oa_receipts")
    op.drop_table("zalo_oa_followers")
