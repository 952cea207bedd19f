"""Where Alembic enters: it is handed a connection with a transaction, and never a URL (see `migrating`)."""

from alembic import context

from shop.adapters.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
