"""Who is signed in, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from decant.context import Caller
from decant.errors import AuthenticationError, PermissionDeniedError, SetupError


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

    def caller(self) -> Caller:
        """Return what travels with calls to other modules."""
        return Caller(self.subject, None, self.scopes)


Guard: TypeAlias = Callable[[Principal | None], None]
"""Decides about a request: returns, or raises ``AuthenticationError`` or ``PermissionDeniedError``."""


def require_user(principal: Principal | None) -> None:
    """Let everybody in who is signed in.

    Raises:
        AuthenticationError: For nobody.
    """
    _signed_in(principal)


def require_scopes(*scopes: str) -> Guard:
    """Return a guard that asks for all of the scopes.

    Example:
        >>> guard = require_scopes("orders:read")
        >>> guard(Principal("u1", scopes=frozenset({"orders:read"})))
    """
    wanted = _names("scope", scopes)

    def guard(principal: Principal | None) -> None:
        missing = wanted - _signed_in(principal).scopes
        if missing:
            raise PermissionDeniedError(f"The access token lacks the scope {', '.join(sorted(missing))}.")

    return guard


def require_roles(*roles: str) -> Guard:
    """Return a guard that asks for one of the roles at least."""
    wanted = _names("role", roles)

    def guard(principal: Principal | None) -> None:
        if wanted.isdisjoint(_signed_in(principal).roles):
            raise PermissionDeniedError(f"This needs the role {' or '.join(sorted(wanted))}.")

    return guard


def all_of(*guards: Guard) -> Guard:
    """Return a guard that asks one after the other; the first refusal counts."""

    def guard(principal: Principal | None) -> None:
        for each in guards:
            each(principal)

    return guard


def _signed_in(principal: Principal | None) -> Principal:
    if principal is None:
        raise AuthenticationError("The access token is missing.")
    return principal


def _names(what: str, names: tuple[str, ...]) -> frozenset[str]:
    if not names or not all(names):
        raise SetupError(f"A guard needs at least one {what}, and none may be empty.")
    return frozenset(names)
