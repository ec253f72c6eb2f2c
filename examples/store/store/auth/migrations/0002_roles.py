"""What a user is, besides a customer."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_user", sa.Column("roles", sa.String(length=100), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("auth_user", "roles")
