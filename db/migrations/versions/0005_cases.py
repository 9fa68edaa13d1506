"""Cases: reports of workers, who may read them, their history, files, alerts and deadlines."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_index(op.f("ix_officer_requests_account_id"), table_name="officer_requests")
    op.drop_table("officer_requests")  # a question for an officer is a report now
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_shared", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("pin_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("unlocked_until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("inbox_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("file", sa.LargeBinary(), nullable=True))
    op.create_table(
        "history_anchors",
        sa.Column("id", ID, nullable=False),
        sa.Column("anchored_on", sa.Date(), nullable=False),
        sa.Column("last_event_id", ID, nullable=False),
        sa.Column("event_count", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_anchors")),
        sa.UniqueConstraint("anchored_on", name=op.f("uq_history_anchors_anchored_on")),
    )
    op.create_table(
        "absences",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("substitute_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_absences_person_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["substitute_id"], ["people.id"], name=op.f("fk_absences_substitute_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index(op.f("ix_absences_person_id"), "absences", ["person_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=True),
        sa.Column("receipt_hash", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("urgency", sa.String(length=20), nullable=False),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.Column("holder_only", sa.Boolean(), nullable=False),
        sa.Column("unit_id", ID, nullable=True),
        sa.Column("workplace_unit_id", ID, nullable=True),
        sa.Column("commune", sa.String(length=80), nullable=True),
        sa.Column("holder_id", ID, nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=True),
        sa.Column("stage_round", sa.Integer(), nullable=False),
        sa.Column("stage_since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("worker_agrees", sa.Boolean(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.Column("merged_into_id", ID, nullable=True),
        sa.Column("follow_up_on", sa.Date(), nullable=True),
        sa.Column("head_number", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["people.id"], name=op.f("fk_cases_holder_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["cases.id"], name=op.f("fk_cases_merged_into_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_cases_unit_id")),
        sa.ForeignKeyConstraint(["workplace_unit_id"], ["units.id"], name=op.f("fk_cases_workplace_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("code", name=op.f("uq_cases_code")),
        sa.UniqueConstraint("key_id", name=op.f("uq_cases_key_id")),
        sa.UniqueConstraint("receipt_hash", name=op.f("uq_cases_receipt_hash")),
    )
    op.create_index("ix_cases_desk", "cases", ["unit_id", "state", "due_at"], unique=False)
    op.create_index("ix_cases_holder", "cases", ["holder_id", "state"], unique=False)
    op.create_index(
        "ix_cases_next_step",
        "cases",
        ["next_step_at"],
        unique=False,
        sqlite_where=sa.text("next_step_at IS NOT NULL"),
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
    )
    op.create_index("ix_cases_place", "cases", ["workplace_unit_id", "opened_at"], unique=False)
    op.create_table(
        "officer_ties",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_officer_ties_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_officer_ties_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_ties")),
    )
    op.create_index(op.f("ix_officer_ties_person_id"), "officer_ties", ["person_id"], unique=False)
    op.create_index("ix_officer_ties_unit", "officer_ties", ["unit_id"], unique=False)
    op.create_table(
        "case_alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_alerts_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_case_alerts_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_alerts")),
        sa.UniqueConstraint("case_id", "round", "person_id", name=op.f("uq_case_alerts_case_id_round_person_id")),
    )
    op.create_index(op.f("ix_case_alerts_person_id"), "case_alerts", ["person_id"], unique=False)
    op.create_table(
        "case_barriers",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("unit_id", ID, nullable=True),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_barriers_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_case_barriers_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_case_barriers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_barriers")),
    )
    op.create_index("ix_case_barriers_case", "case_barriers", ["case_id"], unique=False)
    op.create_index("ix_case_barriers_person", "case_barriers", ["person_id"], unique=False)
    op.create_table(
        "case_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["people.id"], name=op.f("fk_case_events_actor_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_case_events_case_id_number")),
    )
    op.create_index(op.f("ix_case_events_actor_id"), "case_events", ["actor_id"], unique=False)
    op.create_table(
        "case_files",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("event_number", sa.Integer(), nullable=True),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_files_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_files")),
    )
    op.create_index("ix_case_files_case", "case_files", ["case_id"], unique=False)
    op.create_table(
        "case_parties",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("party_hash", sa.String(length=32), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_parties_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_parties")),
        sa.UniqueConstraint("case_id", "party_hash", name=op.f("uq_case_parties_case_id_party_hash")),
    )
    op.create_index(op.f("ix_case_parties_party_hash"), "case_parties", ["party_hash"], unique=False)
    op.create_table(
        "case_pauses",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_pauses_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_pauses")),
    )
    op.create_index("ix_case_pauses_case", "case_pauses", ["case_id"], unique=False)
    op.create_table(
        "case_readers",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_readers_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_case_readers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_readers")),
    )
    op.create_index("ix_case_readers_case", "case_readers", ["case_id"], unique=False)
    op.create_index("ix_case_readers_unit", "case_readers", ["unit_id"], unique=False)
    op.create_table(
        "case_steps",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("stage_round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_steps_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_steps")),
        sa.UniqueConstraint(
            "case_id", "stage_round", "kind", "number", name=op.f("uq_case_steps_case_id_stage_round_kind_number")
        ),
    )


def downgrade() -> None:
    op.drop_table("case_steps")
    op.drop_index("ix_case_readers_unit", table_name="case_readers")
    op.drop_index("ix_case_readers_case", table_name="case_readers")
    op.drop_table("case_readers")
    op.drop_index("ix_case_pauses_case", table_name="case_pauses")
    op.drop_table("case_pauses")
    op.drop_index(op.f("ix_case_parties_party_hash"), table_name="case_parties")
    op.drop_table("case_parties")
    op.drop_index("ix_case_files_case", table_name="case_files")
    op.drop_table("case_files")
    op.drop_index(op.f("ix_case_events_actor_id"), table_name="case_events")
    op.drop_table("case_events")
    op.drop_index("ix_case_barriers_person", table_name="case_barriers")
    op.drop_index("ix_case_barriers_case", table_name="case_barriers")
    op.drop_table("case_barriers")
    op.drop_index(op.f("ix_case_alerts_person_id"), table_name="case_alerts")
    op.drop_table("case_alerts")
    op.drop_index("ix_officer_ties_unit", table_name="officer_ties")
    op.drop_index(op.f("ix_officer_ties_person_id"), table_name="officer_ties")
    op.drop_table("officer_ties")
    op.drop_index("ix_cases_place", table_name="cases")
    op.drop_index(
        "ix_cases_next_step",
        table_name="cases",
        sqlite_where=sa.text("next_step_at IS NOT NULL"),
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
    )
    op.drop_index("ix_cases_holder", table_name="cases")
    op.drop_index("ix_cases_desk", table_name="cases")
    op.drop_table("cases")
    op.drop_index(op.f("ix_absences_person_id"), table_name="absences")
    op.drop_table("absences")
    op.drop_table("history_anchors")
    with op.batch_alter_table("inbox_events", schema=None) as batch_op:
        batch_op.drop_column("file")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("unlocked_until")
        batch_op.drop_column("pin_hash")
        batch_op.drop_column("is_shared")
    op.create_table(
        "officer_requests",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("entry_id", sa.String(length=80), nullable=True),
        sa.Column("question", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_officer_requests_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_requests")),
    )
    op.create_index(op.f("ix_officer_requests_account_id"), "officer_requests", ["account_id"])
