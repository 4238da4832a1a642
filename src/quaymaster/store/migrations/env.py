"""Renders the steps that are due as one script; `quaymaster.store.migrate` runs it."""

from alembic import context

context.configure(
    dialect_name="postgresql",
    dialect_opts={"paramstyle": "named"},  # with %s parameters every % would come out doubled
    as_sql=True,
    transactional_ddl=False,
)
context.run_migrations()
