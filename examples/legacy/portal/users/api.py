"""What other modules and the public may ask about users, at the paths that they always had."""

from pydantic import BaseModel

from decant import Contract, DomainError, get


class User(BaseModel):
    id: int
    name: str


class UnknownUser(DomainError, code="users.unknown", status=404):
    """There is no user {user_id}."""

    user_id: int


class Users(Contract):
    @get("/users", public=True)
    def list_users(self) -> list[User]:
        """List the users."""
        ...

    @get("/users/<int:user_id>", public=True)
    def get_user(self, user_id: int) -> User:
        """Show one user."""
        ...
