"""The profiles by themselves: a service is made by hand, with a session and a caller."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from store.users.api import LARGEST_PREFERENCES, Profile, ProfileChanges, ProfileMissing
from store.users.service import UserService

from decant import Caller
from decant.errors import AuthenticationError

CHANGES = TypeAdapter(ProfileChanges)


def users(db: Session, user_id: str | None = "ada") -> UserService:
    return UserService(db, Caller(user_id))


def test_there_is_no_profile_before_the_first_is_saved(users_db: Session) -> None:
    with pytest.raises(ProfileMissing):
        users(users_db).get_profile()


def test_the_first_may_be_empty(users_db: Session) -> None:
    assert users(users_db).save_profile({}) == Profile(bio=None, avatar=None, preferences={})
    assert users(users_db).get_profile() == Profile(bio=None, avatar=None, preferences={})


def test_a_missing_key_stays_as_it_was(users_db: Session) -> None:
    users(users_db).save_profile({"bio": "Poet of numbers", "avatar": "/ada.png", "preferences": {"theme": "dark"}})
    users_db.commit()
    users(users_db).save_profile({"avatar": "/countess.png"})
    found = users(users_db).get_profile()
    assert found == Profile(bio="Poet of numbers", avatar="/countess.png", preferences={"theme": "dark"})


def test_null_clears_a_text(users_db: Session) -> None:
    users(users_db).save_profile({"bio": "Poet of numbers", "avatar": "/ada.png"})
    assert users(users_db).save_profile({"bio": None, "avatar": None}).bio is None


def test_preferences_are_replaced_as_a_whole(users_db: Session) -> None:
    users(users_db).save_profile({"preferences": {"theme": "dark", "size": 2}})
    assert users(users_db).save_profile({"preferences": {"size": [1, None]}}).preferences == {"size": [1, None]}


def test_each_user_has_their_own(users_db: Session) -> None:
    users(users_db).save_profile({"bio": "Poet of numbers"})
    users(users_db, "bob").save_profile({"bio": "Builder"})
    assert users(users_db).get_profile().bio == "Poet of numbers"


def test_nobody_has_none(users_db: Session) -> None:
    with pytest.raises(AuthenticationError):
        users(users_db, None).save_profile({})


@pytest.mark.parametrize(
    "changes",
    [
        {"preferences": None},
        {"preferences": ["dark"]},
        {"preferences": {"note": "x" * LARGEST_PREFERENCES}},
        {"bio": "x" * 2001},
        {"avatar": 7},
    ],
)
def test_what_is_no_profile_is_refused(changes: object) -> None:
    with pytest.raises(ValidationError):
        CHANGES.validate_python(changes, strict=True)
