"""What other modules may ask about users' profiles; whose profile it is, the access token says."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, JsonValue
from pydantic_core import PydanticCustomError, to_json
from typing_extensions import TypedDict

from decant import Contract, DomainError, get, put
from decant.auth import require_user

LARGEST_PREFERENCES = 16 * 1024


def bounded(preferences: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if len(to_json(preferences)) > LARGEST_PREFERENCES:
        raise PydanticCustomError("too_large", "Preferences are 16 KiB of JSON at most")
    return preferences


Bio = Annotated[str, Field(max_length=2000)]
Avatar = Annotated[str, Field(max_length=500)]
Preferences = Annotated[dict[str, JsonValue], AfterValidator(bounded)]


class Profile(BaseModel):
    bio: str | None
    avatar: str | None
    preferences: dict[str, JsonValue]


class ProfileChanges(TypedDict, total=False):
    """A missing key stays as it was; null clears a text."""

    bio: Bio | None
    avatar: Avatar | None
    preferences: Preferences


class ProfileMissing(DomainError, code="users.profile-missing", status=404):
    """The user has not written a profile yet."""


class Users(Contract):
    @get("/users/profile", guard=require_user)
    def get_profile(self) -> Profile:
        """Return the profile of whoever is signed in."""
        ...

    @put("/users/profile", guard=require_user, idempotent="natural")
    def save_profile(self, changes: ProfileChanges) -> Profile:
        """Change the profile of whoever is signed in; the first time makes it."""
        ...
