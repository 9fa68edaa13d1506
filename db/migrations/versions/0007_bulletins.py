"""Bulletins: what is written, each time it goes out, what people answer and wish, and what an account may send."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "answer_traces",
        sa.Column("trace", sa.String(length=32), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("trace", name=op.f("pk_answer_traces")),
    )
    with op.batch_alter_table("answer_traces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_traces_last_on"), ["last_on"], unique=False)
    op.create_table(
        "uploaded_files",
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("platform_id", sa.String(length=300), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sender", "digest", name=op.f("pk_uploaded_files")),
    )
    op.create_table(
        "bulletin_waivers",
        sa.Column("id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("given_by_id", ID, nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_by_id", ID, nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["people.id"], name=op.f("fk_bulletin_waivers_ended_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["given_by_id"], ["people.id"], name=op.f("fk_bulletin_waivers_given_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bulletin_waivers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_waivers")),
    )
    with op.batch_alter_table("bulletin_waivers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_waivers_unit_id"), ["unit_id"], unique=False)
    op.create_table(
        "bulletins",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("timing", sa.JSON(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_by_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by_id", ID, nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_id", ID, nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_hash", sa.String(length=64), nullable=True),
        sa.Column("released_alone", sa.Boolean(), nullable=False),
        sa.Column("returned_because", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("corrects_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["corrects_id"], ["bulletins.id"], name=op.f("fk_bulletins_corrects_id")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["people.id"], name=op.f("fk_bulletins_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["people.id"], name=op.f("fk_bulletins_released_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["submitted_by_id"], ["people.id"], name=op.f("fk_bulletins_submitted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bulletins_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletins")),
        sa.UniqueConstraint("code", name=op.f("uq_bulletins_code")),
    )
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.create_index(
            "ix_bulletins_next",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.create_index("ix_bulletins_unit", ["unit_id", "state", "id"], unique=False)
    op.create_table(
        "channel_accounts",
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("unit_id", ID, nullable=True),
        sa.Column("messages_per_month", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("per_person_per_month", sa.Integer(), nullable=True),
        sa.Column("price_in_window", sa.Integer(), nullable=True),
        sa.Column("price_outside_window", sa.Integer(), nullable=True),
        sa.Column("articles_per_month", sa.Integer(), nullable=True),
        sa.Column("dong_per_month", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_channel_accounts_unit_id")),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_channel_accounts")),
    )
    op.create_table(
        "news_preferences",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("shift", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_news_preferences_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_news_preferences")),
    )
    op.create_table(
        "topic_choices",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_topic_choices_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "topic", name=op.f("pk_topic_choices")),
    )
    op.create_table(
        "bulletin_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("bulletin_id", ID, nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_events_bulletin_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_bulletin_events_person_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_events")),
    )
    with op.batch_alter_table("bulletin_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_events_bulletin_id"), ["bulletin_id"], unique=False)
    op.create_table(
        "bulletin_files",
        sa.Column("id", ID, nullable=False),
        sa.Column("bulletin_id", ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_files_bulletin_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_files")),
    )
    with op.batch_alter_table("bulletin_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_files_bulletin_id"), ["bulletin_id"], unique=False)
    op.create_table(
        "bulletin_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("bulletin_id", ID, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("audience_on", sa.Date(), nullable=False),
        sa.Column("planned_to", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("unreachable", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_runs_bulletin_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_runs")),
        sa.UniqueConstraint("bulletin_id", "due_at", name=op.f("uq_bulletin_runs_bulletin_id_due_at")),
    )
    with op.batch_alter_table("bulletin_runs", schema=None) as batch_op:
        batch_op.create_index("ix_bulletin_runs_state", ["state", "id"], unique=False)
    op.create_table(
        "bulletin_answers",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(length=32), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("unit_id", ID, nullable=True),
        sa.Column("choice", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_bulletin_answers_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["bulletin_runs.id"], name=op.f("fk_bulletin_answers_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bulletin_answers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_answers")),
        sa.UniqueConstraint("run_id", "block", "who", name=op.f("uq_bulletin_answers_run_id_block_who")),
    )
    with op.batch_alter_table("bulletin_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_answers_person_id"), ["person_id"], unique=False)
    op.create_table(
        "bulletin_results",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["bulletin_runs.id"], name=op.f("fk_bulletin_results_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bulletin_results_unit_id")),
        sa.PrimaryKeyConstraint("run_id", "unit_id", "what", name=op.f("pk_bulletin_results")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("run_id", ID, nullable=True))
        batch_op.add_column(sa.Column("unit_id", ID, nullable=True))
        batch_op.create_index(
            "ix_deliveries_expiring",
            ["sender", "expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'due'"),
            postgresql_where=sa.text("state = 'due'"),
        )
        batch_op.create_index(
            "ix_deliveries_planned",
            ["sender", "run_id", "not_before_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_index(
            "ix_deliveries_run",
            ["run_id", "state", "reason"],
            unique=False,
            sqlite_where=sa.text("run_id IS NOT NULL"),
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_deliveries_run",
            sqlite_where=sa.text("run_id IS NOT NULL"),
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_deliveries_planned",
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.drop_index(
            "ix_deliveries_expiring", sqlite_where=sa.text("state = 'due'"), postgresql_where=sa.text("state = 'due'")
        )
        batch_op.drop_column("unit_id")
        batch_op.drop_column("run_id")
    op.drop_table("bulletin_results")
    with op.batch_alter_table("bulletin_answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_answers_person_id"))
    op.drop_table("bulletin_answers")
    with op.batch_alter_table("bulletin_runs", schema=None) as batch_op:
        batch_op.drop_index("ix_bulletin_runs_state")
    op.drop_table("bulletin_runs")
    with op.batch_alter_table("bulletin_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_files_bulletin_id"))
    op.drop_table("bulletin_files")
    with op.batch_alter_table("bulletin_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_events_bulletin_id"))
    op.drop_table("bulletin_events")
    op.drop_table("topic_choices")
    op.drop_table("news_preferences")
    op.drop_table("channel_accounts")
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.drop_index("ix_bulletins_unit")
        batch_op.drop_index(
            "ix_bulletins_next",
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
    op.drop_table("bulletins")
    with op.batch_alter_table("bulletin_waivers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_waivers_unit_id"))
    op.drop_table("bulletin_waivers")
    op.drop_table("uploaded_files")
    with op.batch_alter_table("answer_traces", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_traces_last_on"))
    op.drop_table("answer_traces")
