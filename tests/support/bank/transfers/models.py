from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="transfers"):
    pass


class Transfer(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
