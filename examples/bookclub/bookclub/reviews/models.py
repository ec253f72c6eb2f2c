from sqlalchemy import String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="reviews"):
    pass


class ReviewRow(Base):
    __tablename__ = "reviews_review"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)  # sorted by time of creation
    book_id: Mapped[str] = mapped_column(String(36), index=True)
    reader: Mapped[str] = mapped_column(String(80))
    stars: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
