from typing import Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="users"):
    pass


class ProfileRow(Base):
    __tablename__ = "users_profile"

    user_id: Mapped[str] = mapped_column(String(36), primary_key=True)  # the subject of the user's tokens
    bio: Mapped[str | None] = mapped_column(Text)
    avatar: Mapped[str | None] = mapped_column(String(500))
    preferences: Mapped[dict[str, Any]] = mapped_column(JSON)
