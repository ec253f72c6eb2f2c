"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reviews_review",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("book_id", sa.String(length=36), nullable=False),
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews_review")),
    )
    with op.batch_alter_table("reviews_review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reviews_review_book_id"), ["book_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("reviews_review", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reviews_review_book_id"))

    op.drop_table("reviews_review")
