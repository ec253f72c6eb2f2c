"""Who is signed in, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from decant.context import Caller, Guard, anyone
from decant.errors import AuthenticationError, InsufficientScope, PermissionDeniedError, SetupError

__all__ = ["Principal", "all_of", "anyone", "require_roles", "require_scopes", "require_user"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A user whose access token was verified.

    Attributes:
        subject: The user's public id.
        scopes: What the token allows.
        roles: What the user is, for instance ``admin``.
        token_id: Names the token (``jti``).
        issued_at: Unix seconds.
        expires_at: Unix seconds.
        session: What several tokens of one sign-in share, for instance a refresh token's family.
    """

    subject: str
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    token_id: str = ""
    issued_at: int = 0
    expires_at: int = 0
    session: str | None = None

    def caller(self, *, unconfirmed: bool = False) -> Caller:
        """Return what travels with calls to other modules.

        Args:
            unconfirmed: Whether nobody could tell if the token was revoked.
        """
        return Caller(self.subject, None, self.scopes, self.roles, None, unconfirmed)


def require_user(caller: Caller) -> None:
    """Let everybody in who is signed in.

    Raises:
        AuthenticationError: For nobody; it says why a token that came along was not taken.
    """
    _signed_in(caller)


def require_scopes(*scopes: str) -> Guard:
    """Return a guard that asks for all of the scopes.

    Example:
        >>> guard = require_scopes("orders:read")
        >>> guard(Caller("u1", scopes=frozenset({"orders:read"})))
    """
    wanted = _names("scope", scopes)

    def guard(caller: Caller) -> None:
        missing = wanted - _signed_in(caller).scopes
        if missing:
            raise InsufficientScope(
                f"The access token lacks the scope {', '.join(sorted(missing))}.", scope=" ".join(sorted(wanted))
            )

    return guard


def require_roles(*roles: str) -> Guard:
    """Return a guard that asks for one of the roles at least."""
    wanted = _names("role", roles)

    def guard(caller: Caller) -> None:
        if wanted.isdisjoint(_signed_in(caller).roles):
            raise PermissionDeniedError(f"This needs the role {' or '.join(sorted(wanted))}.")

    return guard


def all_of(*guards: Guard) -> Guard:
    """Return a guard that asks one after the other; the first refusal counts."""

    def guard(caller: Caller) -> None:
        for each in guards:
            each(caller)

    return guard


def _signed_in(caller: Caller) -> Caller:
    if caller.subject is None:
        raise AuthenticationError(caller.refused or "The access token is missing.")
    return caller


def _names(what: str, names: tuple[str, ...]) -> frozenset[str]:
    if not names or not all(names):
        raise SetupError(f"A guard needs at least one {what}, and none may be empty.")
    return frozenset(names)
