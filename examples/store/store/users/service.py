from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant import Caller
from decant.errors import AuthenticationError
from store.users.api import Profile, ProfileChanges, ProfileMissing, Users
from store.users.models import ProfileRow


class UserService(Users):
    def __init__(self, db: Session, caller: Caller) -> None:
        self.db = db
        self.caller = caller

    def get_profile(self) -> Profile:
        row = self.db.get(ProfileRow, self._user_id())
        if row is None:
            raise ProfileMissing
        return to_profile(row)

    def save_profile(self, changes: ProfileChanges) -> Profile:
        row = self._row()
        for key, value in changes.items():
            setattr(row, key, value)
        return to_profile(row)

    def _row(self) -> ProfileRow:
        """Return the caller's row, locked; of two requests that make it, one does."""
        user_id = self._user_id()
        if self.db.get(ProfileRow, user_id) is None:
            row = ProfileRow(user_id=user_id, preferences={})
            try:
                with self.db.begin_nested():
                    self.db.add(row)
                return row
            except IntegrityError:
                pass  # the other request has made it meanwhile
        return self.db.get_one(ProfileRow, user_id, populate_existing=True, with_for_update=True)

    def _user_id(self) -> str:
        if self.caller.subject is None:
            raise AuthenticationError("The access token is missing.")
        return self.caller.subject


def to_profile(row: ProfileRow) -> Profile:
    return Profile(bio=row.bio, avatar=row.avatar, preferences=row.preferences)
