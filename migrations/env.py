"""Alembic's entry: runs the revisions on the connection that grants.store.schema hands over."""

from alembic import context

from grants.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
