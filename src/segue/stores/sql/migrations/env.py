"""What Alembic runs: every revision between two, on the connection it is handed, in the transaction that is there."""

from alembic import context

from segue.stores.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column by writing its table anew
)
with context.begin_transaction():
    context.run_migrations()
