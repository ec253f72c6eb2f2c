import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    counts = ("handled", "handled_by", "stamped", "stamped_by")
    op.create_table(
        "letters_letter",
        sa.Column("number", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
    )


def downgrade() -> None:
    op.drop_table("letters_letter")
