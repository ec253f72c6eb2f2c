from datetime import UTC, datetime

from sqlalchemy import DateTime, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="notifications"):
    pass


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class MailRow(Base):
    __tablename__ = "notifications_mail"
    __table_args__ = (
        UniqueConstraint("order_id", "kind", name="uq_notifications_mail_order_id_kind"),
        Index("ix_notifications_mail_user_id", "user_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)  # UUIDv7: in the order of writing
    user_id: Mapped[str] = mapped_column(String(64))
    order_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(DateTime, default=utc_now)
