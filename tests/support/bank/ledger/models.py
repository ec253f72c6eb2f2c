from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="ledger"):
    pass


class Entry(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
