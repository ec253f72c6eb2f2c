from pydantic import BaseModel

from decant import operation
from decant.auth import Principal, require_user
from store.users.api import Profile, ProfileChanges, ProfileMissing, Users


class UserProfile(BaseModel):
    user_id: str
    profile: Profile


class Message(BaseModel):
    message: str


@operation(guard=require_user, errors=(ProfileMissing,))
def show_profile(users: Users, principal: Principal) -> UserProfile:
    """Show the profile of whoever is signed in."""
    return UserProfile(user_id=principal.subject, profile=users.get_profile())


@operation(guard=require_user, idempotent="natural")
def change_profile(users: Users, changes: ProfileChanges) -> Message:
    """Change the profile of whoever is signed in."""
    users.save_profile(changes)
    return Message(message="Profile updated successfully")
