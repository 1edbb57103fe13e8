"""Runs migrations on the connection that `config.database.migrate` hands over."""

from alembic import context

from config.database import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
