from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="orders"):
    pass


class OrderRow(Base):
    __tablename__ = "orders_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    item: Mapped[str] = mapped_column(String(200))
