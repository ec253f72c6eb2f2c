from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="books"):
    pass


class BookRow(Base):
    __tablename__ = "books_book"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    reviews: Mapped[int]
    stars_sum: Mapped[int]

    @property
    def stars(self) -> float | None:
        return self.stars_sum / self.reviews if self.reviews else None
