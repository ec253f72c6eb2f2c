"""Copies the users of the old application, those that are not here yet."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.copying import rows_of
from portal.users.models import UserRow


def seed(db: Session) -> None:
    here = set(db.scalars(select(UserRow.id)))
    db.add_all(UserRow(**row) for row in rows_of("users") if row["id"] not in here)
