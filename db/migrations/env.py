"""Runs the migrations on the connection that `db.migrate` hands over."""

from typing import Any

import sqlalchemy as sa
from alembic import context

from db.models import Base


def _render_plain(kind: str, item: Any, _context: Any) -> str | bool:
    """A migration keeps plain column types: our own types may change after it was written."""
    if kind == "type" and isinstance(item, sa.types.TypeDecorator):
        return "sa.LargeBinary()" if isinstance(item.impl_instance, sa.LargeBinary) else f"sa.{item.impl_instance!r}"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_type=True,
    render_item=_render_plain,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
