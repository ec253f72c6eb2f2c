from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="letters"):
    pass


class LetterRow(Base):
    __tablename__ = "letters_letter"

    number: Mapped[int] = mapped_column(primary_key=True)
    handled: Mapped[int] = mapped_column(default=0)
    handled_by: Mapped[int] = mapped_column(default=0)
    stamped: Mapped[int] = mapped_column(default=0)
    stamped_by: Mapped[int] = mapped_column(default=0)
