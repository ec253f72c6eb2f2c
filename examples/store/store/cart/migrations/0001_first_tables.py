"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

exact = sa.String(length=64).with_variant(mysql.VARCHAR(64, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "cart_cart",
        sa.Column("owner", exact, nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_cart_cart")),
    )
    op.create_index(op.f("ix_cart_cart_changed_on"), "cart_cart", ["changed_on"])


def downgrade() -> None:
    op.drop_table("cart_cart")
