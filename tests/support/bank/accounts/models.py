from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="accounts"):
    pass


class Account(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int]
