from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, TypeDecorator
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="auth"):
    pass


class Utc(TypeDecorator[datetime]):
    """A time to the second; what not every database keeps, the zone and its fractions, is left out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


# The usual collation of MariaDB and MySQL takes é for e, and would tell others apart than PostgreSQL and SQLite do.
Exact = String(254).with_variant(VARCHAR(254, collation="utf8mb4_bin"), "mysql", "mariadb")


class UserRow(Base):
    __tablename__ = "auth_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(36), unique=True)  # what others know: it tells no order and no count
    username: Mapped[str] = mapped_column(Exact, unique=True)  # without upper case, as the e-mail address
    email: Mapped[str] = mapped_column(Exact, unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Utc)
    roles: Mapped[str] = mapped_column(String(100), default="", server_default="")  # with spaces between
