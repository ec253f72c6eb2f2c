"""Access tokens: how a user proves to a request who they are.

A token is a JWT with the profile of RFC 9068. Its header has the three members ``alg``, ``kid`` and ``typ`` and no
other, so it can neither bring a key nor ask for an extension; the key says which algorithm is used, never the token.

Source: RFC 7519 (JWT), RFC 9068 (access tokens), RFC 6750 (Bearer), RFC 8725 (best current practice).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any, Protocol

from decant.auth.compact import LONGEST, Malformed, encode, parse, unsigned
from decant.auth.keyring import Keys
from decant.auth.memory import Memory
from decant.auth.principal import Principal
from decant.auth.revocation import Revocations
from decant.auth.signing import LONGEST_KID, Key
from decant.clock import Clock, SystemClock
from decant.errors import AuthenticationError, SetupError

LIFETIME_S = 24 * 3600
LONGEST_LIFETIME_S = 31 * 24 * 3600
"""No token is taken that lives longer: a time in milliseconds would make it live for ever."""
LEEWAY_S = 5
"""How far the clocks of two hosts may be apart, in seconds."""

_TYPE = "at+jwt"
_HEADER = frozenset({"alg", "kid", "typ"})
_REMEMBERED = 4096
_LONGEST_NAME = 255
_UNKNOWN: tuple[int, None] = (0, None)


class SigningKeys(Keys, Protocol):
    """What issuing needs of keys."""

    def signing(self) -> Key:
        """Return the key that signs now."""
        ...


class AccessTokens:
    """Verifies access tokens, and issues them where the keys can sign.

    Args:
        keys: A keyring, or keys that can only verify.
        revocations: Asked for every token, also for one that was verified before.
        issuer: Who issues the tokens, usually an address.
        audience: Whom they are for; tokens for others are refused.
        lifetime_s: Seconds that a token lives; readable afterwards, for ``expires_in``.
        clock: Tells the time.

    Thread-safety: share it freely.
    """

    def __init__(
        self,
        keys: Keys,
        revocations: Revocations,
        *,
        issuer: str,
        audience: str,
        lifetime_s: int = LIFETIME_S,
        clock: Clock | None = None,
    ) -> None:
        if not issuer or not audience:
            raise SetupError("Access tokens need an issuer and an audience.")
        if not 0 < lifetime_s <= LONGEST_LIFETIME_S:
            raise SetupError(f"An access token lives 1 to {LONGEST_LIFETIME_S} s, not {lifetime_s}.")
        self._keys = keys
        self._revocations = revocations
        self._issuer = issuer
        self._audience = audience
        self.lifetime_s = lifetime_s
        self._clock = clock or SystemClock()
        self._known: Memory[bytes, tuple[int, Principal]] = Memory(_REMEMBERED)

    def issue(
        self,
        subject: str,
        *,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
        session: str | None = None,
        lifetime_s: int | None = None,
    ) -> str:
        """Return a new token.

        Args:
            subject: The user's public id.
            scopes: What it allows; without spaces.
            roles: What the user is.
            session: Revoked together with others of the same sign-in.
            lifetime_s: Seconds that it lives; the usual time by default, and never longer.

        Raises:
            SetupError: For keys that cannot sign, or names that no token can carry.
            Unavailable: When the store of revocations is down.
        """
        signing = getattr(self._keys, "signing", None)
        if signing is None:
            raise SetupError("These keys can only verify.", hint="Issue tokens where the signing key is.")
        key: Key = signing()
        now = int(self._clock.now().timestamp())
        # Who signs in again in the second in which they signed out everywhere gets a token of the next second.
        issued_at = max(now, min(self._revocations.store.issued_before(subject), now + LEEWAY_S))
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "client_id": self._audience,
            "iat": issued_at,
            "nbf": now,
            "exp": issued_at + (self.lifetime_s if lifetime_s is None else min(lifetime_s, self.lifetime_s)),
            "jti": secrets.token_urlsafe(16),
            "scope": " ".join(sorted(map(_scope, scopes))),
            "roles": sorted(roles),
        }
        if session is not None:
            claims["sid"] = session
        return self._sign(key, claims)

    def verify(self, token: object, *, reading: bool = False) -> Principal:
        """Return whom a token speaks for.

        Args:
            token: As received.
            reading: Whether the request changes nothing: it goes on while the store of revocations is down.

        Raises:
            AuthenticationError: For every token that is not valid here and now; the message says which kind.
            Unavailable: When it cannot be told whether the token is valid: the store of revocations or the server of
                the keys does not answer.
        """
        if not isinstance(token, str) or not token:
            raise AuthenticationError("The access token is missing.")
        if len(token) > LONGEST or not token.isascii():
            raise AuthenticationError("The access token is malformed.")
        version, digest = self._keys.version(), hashlib.sha256(token.encode()).digest()
        known_version, principal = self._known.get(digest) or _UNKNOWN
        if principal is None or known_version != version:  # another version: its key may be gone
            principal = self._check(token)
            self._known.put(digest, (version, principal))
        if self._clock.now().timestamp() >= principal.expires_at + LEEWAY_S:
            raise AuthenticationError("The access token has expired.")
        if self._revocations.is_revoked(principal, reading=reading):
            raise AuthenticationError("The access token was revoked.")
        return principal

    def verify_header(self, authorization: object, *, reading: bool = False) -> Principal:
        """Return whom the token in an ``Authorization`` header speaks for.

        Raises:
            AuthenticationError: As :meth:`verify`, and when there is no header or no bearer token in it.
            Unavailable: As :meth:`verify`.
        """
        if not isinstance(authorization, str) or not authorization.strip():
            raise AuthenticationError("The access token is missing.")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationError("The Authorization header holds no bearer token.")
        return self.verify(token.strip(" "), reading=reading)

    def revoke(self, principal: Principal) -> None:
        """Refuse a token from now on, and all others of its session: signing out.

        Raises:
            Unavailable: When the store is down; then nothing was revoked.
        """
        self._revocations.store.revoke(principal.token_id, principal.expires_at + 2 * LEEWAY_S)
        if principal.session is not None:
            self.revoke_session(principal.session)
        self._revocations.forget()

    def revoke_session(self, session: str) -> None:
        """Refuse every token of a session from now on, for instance when its refresh token was used twice."""
        until = self._clock.now().timestamp() + LONGEST_LIFETIME_S + 2 * LEEWAY_S
        self._revocations.store.revoke(session, until)
        self._revocations.forget()

    def revoke_all(self, subject: str) -> None:
        """Refuse every token that a user has: signing out everywhere.

        Raises:
            Unavailable: When the store is down; then nothing was revoked.
        """
        now = self._clock.now().timestamp()
        self._revocations.store.revoke_before(subject, int(now) + 1, now + LONGEST_LIFETIME_S + 2 * LEEWAY_S)
        self._revocations.forget()

    def _sign(self, key: Key, claims: dict[str, Any]) -> str:
        if key.sign is None:
            raise SetupError("The signing key can only verify.")
        signed = unsigned({"typ": _TYPE, "alg": key.algorithm, "kid": key.kid}, claims)
        token = f"{signed.decode('ascii')}.{encode(key.sign(signed))}"
        try:
            _principal_in(parse(token).claims)
        except Malformed as error:
            raise SetupError(
                f"No access token can carry this: {error}.",
                hint=f"Names have 1 to {_LONGEST_NAME} printable characters, a token {LONGEST} in all.",
            ) from error
        return token

    def _check(self, token: str) -> Principal:
        try:
            compact = parse(token)
        except Malformed as error:
            raise AuthenticationError("The access token is malformed.") from error
        key = self._key_for(compact.header)
        if not key.verify(compact.signed, compact.signature):
            raise AuthenticationError("The access token is not valid: its signature is wrong.")
        claims = compact.claims
        if claims.get("iss") != self._issuer:
            raise AuthenticationError("The access token is from another issuer.")
        if not _is_for(self._audience, claims.get("aud")):
            raise AuthenticationError("The access token is for another audience.")
        try:
            principal = _principal_in(claims)
        except Malformed as error:
            raise AuthenticationError(f"The access token is malformed: {error}.") from error
        latest = self._clock.now().timestamp() + LEEWAY_S
        if principal.issued_at > latest or claims.get("nbf", 0) > latest:
            raise AuthenticationError("The access token is not valid yet.")
        return principal

    def _key_for(self, header: dict[str, Any]) -> Key:
        kid, algorithm = header.get("kid"), header.get("alg")
        if header.get("typ") != _TYPE:
            raise AuthenticationError("The token is not an access token.")
        if header.keys() != _HEADER or not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_KID:
            raise AuthenticationError("The access token is malformed: its header has other members than alg, kid, typ.")
        key = self._keys.find(kid)
        if key is None or key.algorithm != algorithm:
            raise AuthenticationError("The access token is not valid: its key or algorithm is not used here.")
        return key


def _scope(scope: str) -> str:
    if not scope or " " in scope:
        raise SetupError(f"{scope!r} is no scope: it is empty or has a space.")
    return scope


def _is_for(audience: str, claim: object) -> bool:
    if isinstance(claim, list):
        return all(isinstance(name, str) for name in claim) and audience in claim
    return claim == audience


def _principal_in(claims: dict[str, Any]) -> Principal:
    """Return whom claims speak for, once every one of them is of its type.

    Raises:
        Malformed: When one is missing or of another type.
    """
    issued_at, expires_at = _time(claims.get("iat")), _time(claims.get("exp"))
    _time(claims.get("nbf", 0))
    if not 0 < expires_at - issued_at <= LONGEST_LIFETIME_S:
        raise Malformed("the token lives too long, or not at all")
    scope, roles = claims.get("scope", ""), claims.get("roles", [])
    if not isinstance(scope, str) or not isinstance(roles, list) or not (scope.isascii() and scope.isprintable()):
        raise Malformed("scope or roles are of the wrong type")
    return Principal(
        _name(claims.get("sub")),
        frozenset(filter(None, scope.split(" "))),
        frozenset(map(_name, roles)),
        _name(claims.get("jti")),
        issued_at,
        expires_at,
        _name(claims["sid"]) if "sid" in claims else None,
    )


def _time(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:  # a bool is an int
        raise Malformed("a time is missing or of the wrong type")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_NAME or not value.isprintable():
        raise Malformed("a name is missing or of the wrong type")
    return value
