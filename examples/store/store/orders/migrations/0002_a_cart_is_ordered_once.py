"""A cart is ordered once, whatever keys two requests bring."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("orders_order") as table:
        table.add_column(sa.Column("turn", sa.Integer(), nullable=True))
    number_the_orders()
    with op.batch_alter_table("orders_order") as table:
        table.alter_column("turn", existing_type=sa.Integer(), nullable=False)
        table.create_unique_constraint(op.f("uq_orders_order_turn"), ["user_id", "turn"])


def downgrade() -> None:
    with op.batch_alter_table("orders_order") as table:
        table.drop_constraint(op.f("uq_orders_order_turn"), type_="unique")
        table.drop_column("turn")


def number_the_orders() -> None:
    """Give each user's orders the turns that they would have taken."""
    orders = sa.table("orders_order", sa.column("id"), sa.column("user_id"), sa.column("turn"))
    turns: dict[str, int] = {}
    connection = op.get_bind()
    for order_id, user_id in connection.execute(sa.select(orders.c.id, orders.c.user_id).order_by(orders.c.id)).all():
        turn = turns[user_id] = turns.get(user_id, -1) + 1
        connection.execute(orders.update().where(orders.c.id == order_id).values(turn=turn))
