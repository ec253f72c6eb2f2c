import unicodedata

from sqlalchemy import CheckConstraint, String
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="catalog"):
    pass


def exact(length: int) -> String:
    """Return a text that every database compares letter by letter; MariaDB's usual collation takes é for E."""
    return String(length).with_variant(VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


class ProductRow(Base):
    __tablename__ = "catalog_product"
    __table_args__ = (CheckConstraint("stock >= 0", name="stock"),)

    id: Mapped[str] = mapped_column(exact(36), primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)  # where the shop shows it
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(String(1000))
    category: Mapped[str] = mapped_column(exact(40))
    art: Mapped[str] = mapped_column(String(40))
    price_cents: Mapped[int]
    stock: Mapped[int]
    words: Mapped[str] = mapped_column(exact(2000))  # what is searched

    @validates("name", "description")
    def _keep_words(self, key: str, value: str) -> str:
        texts = {"name": self.name, "description": self.description} | {key: value}
        self.words = folded(" ".join(text for text in texts.values() if text))
        return value


class ReservationRow(Base):
    __tablename__ = "catalog_reservation"

    order_id: Mapped[str] = mapped_column(exact(36), primary_key=True)
    released: Mapped[bool]  # it stays as a tombstone, and refuses a reservation that comes late


class ReservedRow(Base):
    __tablename__ = "catalog_reserved"

    order_id: Mapped[str] = mapped_column(exact(36), primary_key=True)
    product_id: Mapped[str] = mapped_column(exact(36), primary_key=True)
    qty: Mapped[int]


def folded(text: str) -> str:
    """Return a text as it is searched: without upper case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
