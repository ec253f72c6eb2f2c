"""Alembic's environment for every module: no module has one of its own.

Run by Alembic, which is given everything by :mod:`decant.db.migrations`.
"""

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    dialect_name=given.get("dialect_name"),
    output_buffer=given.get("output_buffer"),
    literal_binds=given["connection"] is None,
    target_metadata=given["metadata"],
    version_table=given["version_table"],
    include_name=given["include_name"],
    transaction_per_migration=True,
    transactional_ddl=given["transactional_ddl"],
    render_as_batch=given["render_as_batch"],
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
