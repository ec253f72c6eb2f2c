from datetime import date

from sqlalchemy import JSON, String
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="cart"):
    pass


class CartRow(Base):
    __tablename__ = "cart_cart"

    # MariaDB's usual collation would give the owners `a` and `A` one cart.
    owner: Mapped[str] = mapped_column(
        String(64).with_variant(VARCHAR(64, collation="utf8mb4_bin"), "mysql", "mariadb"), primary_key=True
    )
    lines: Mapped[list[tuple[str, int]]] = mapped_column(JSON)  # product and quantity, in the order in which they came
    changed_on: Mapped[date] = mapped_column(index=True)
