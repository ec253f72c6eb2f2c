"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def exact(length: int) -> sa.String:
    return sa.String(length=length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "catalog_product",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=False),
        sa.Column("category", exact(40), nullable=False),
        sa.Column("art", sa.String(length=40), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("words", exact(2000), nullable=False),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_catalog_product_stock")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_product")),
        sa.UniqueConstraint("position", name=op.f("uq_catalog_product_position")),
    )
    op.create_table(
        "catalog_reservation",
        sa.Column("order_id", exact(36), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_catalog_reservation")),
    )
    op.create_table(
        "catalog_reserved",
        sa.Column("order_id", exact(36), nullable=False),
        sa.Column("product_id", exact(36), nullable=False),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "product_id", name=op.f("pk_catalog_reserved")),
    )


def downgrade() -> None:
    op.drop_table("catalog_reserved")
    op.drop_table("catalog_reservation")
    op.drop_table("catalog_product")
