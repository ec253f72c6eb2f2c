from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.users.api import UnknownUser, User, Users
from portal.users.models import UserRow


class UserService(Users):
    def __init__(self, db: Session) -> None:
        self.db = db

    def list_users(self) -> list[User]:
        return [User(id=row.id, name=row.name) for row in self.db.scalars(select(UserRow).order_by(UserRow.id))]

    def get_user(self, user_id: int) -> User:
        row = self.db.get(UserRow, user_id)
        if row is None:
            raise UnknownUser(user_id=user_id)
        return User(id=row.id, name=row.name)
