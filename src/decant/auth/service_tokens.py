"""Service tokens: how a service proves to another one who it is.

A token is a JWT that lives a minute, issued by the caller for one target. Its header is always the same
bytes, so nothing in it is ever interpreted: neither an algorithm nor a key can be chosen by the sender.

Source: RFC 7519 (JWT), RFC 8037 (EdDSA), RFC 8725 (best current practice, 3.1-3.11).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Any

from decant.clock import Clock, SystemClock
from decant.context import Caller
from decant.errors import AuthenticationError, MissingExtra, SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME_S = 60
REUSE_S = 30
LEEWAY_S = 5
"""How far the clocks of two hosts may be apart, in seconds."""

_TYPE = "decant-service+jwt"
_ALGORITHM = "EdDSA"
_LONGEST = 2048
_REMEMBERED = 4096
_SEGMENT = "[A-Za-z0-9_-]+"
_TOKEN = re.compile(f"{_SEGMENT}\\.{_SEGMENT}\\.{_SEGMENT}", re.ASCII)


# Times are checked by our own clock, after the signature.
_OPTIONS: Any = {
    "require": ["iss", "aud", "iat", "exp"],
    "strict_aud": True,
    **dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_sub", "verify_jti"), False),
}


class ServiceTokens:
    """Issues the tokens of one service and verifies those of others.

    Args:
        key: The workspace's signing key, the same in every service.
        service: This service's name, the issuer of its tokens.
        clock: Tells the time.

    Thread-safety: share it freely.

    Example:
        >>> from decant.auth import generate_key, parse_key
        >>> key = parse_key(generate_key())
        >>> token = ServiceTokens(key, "orders").issue("catalog")
        >>> ServiceTokens(key, "catalog").verify(token, "catalog").service
        'orders'
    """

    def __init__(self, key: Ed25519PrivateKey, service: str, clock: Clock | None = None) -> None:
        try:
            import jwt
        except ImportError as error:
            raise MissingExtra("pyjwt", "auth") from error
        if not service:
            raise SetupError("A service needs a name to issue tokens.")
        self.service = service
        self._key = key
        self._public = key.public_key()
        self._clock = clock or SystemClock()
        self._jwt = jwt
        self._header = _header(self._encode({}))
        self._issued: dict[str, tuple[str, float]] = {}
        self._known: dict[tuple[str, bytes], tuple[Caller, float]] = {}

    def issue(self, audience: str) -> str:
        """Return a token for calls to the service ``audience``; the same one for 30 seconds."""
        now = self._clock.now().timestamp()
        token, reuse_until = self._issued.get(audience, ("", 0.0))
        if not now < reuse_until <= now + REUSE_S:  # the upper bound: the clock was set back
            issued_at = int(now)
            claims = {"iss": self.service, "aud": audience, "iat": issued_at, "exp": issued_at + LIFETIME_S}
            token = self._encode(claims)
            self._issued[audience] = (token, now + REUSE_S)
        return token

    def verify(self, token: object, audience: str) -> Caller:
        """Return the service that issued a token.

        Args:
            token: As received.
            audience: The service it must be for: this one.

        Raises:
            AuthenticationError: For every token that is not valid here and now; never anything else.
        """
        if not isinstance(token, str) or len(token) > _LONGEST or not token.isascii():
            raise AuthenticationError("The service token is malformed.")
        key = (audience, hashlib.sha256(token.encode()).digest())
        known = self._known.get(key)
        if known is None:
            known = self._check(token, audience)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = known
        caller, expires_at = known
        if self._clock.now().timestamp() >= expires_at + LEEWAY_S:
            raise AuthenticationError("The service token has expired.")
        return caller

    def _encode(self, claims: dict[str, Any]) -> str:
        return self._jwt.encode(claims, self._key, _ALGORITHM, headers={"typ": _TYPE})

    def _check(self, token: str, audience: str) -> tuple[Caller, float]:
        if not _TOKEN.fullmatch(token) or _header(token) != self._header or not _is_canonical(token):
            raise AuthenticationError("The service token is malformed.")
        try:
            claims = self._jwt.decode(
                token,
                self._public,
                [_ALGORITHM],
                options=_OPTIONS,
                audience=audience,
            )
        except (self._jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise AuthenticationError("The service token is not valid.") from error
        return _caller_in(claims, self._clock.now().timestamp())


def _caller_in(claims: dict[str, Any], now: float) -> tuple[Caller, float]:
    """Return who a token's claims speak for, and until when."""
    issuer, issued_at, expires_at = claims["iss"], claims["iat"], claims["exp"]
    if not isinstance(issuer, str) or not issuer or type(issued_at) is not int or type(expires_at) is not int:
        raise AuthenticationError("The service token's claims are malformed.")
    if issued_at > now + LEEWAY_S or not 0 < expires_at - issued_at <= LIFETIME_S:
        raise AuthenticationError("The service token's times are not valid.")
    return Caller(service=issuer), float(expires_at)


def _header(token: str) -> str:
    return token.partition(".")[0]


def _is_canonical(token: str) -> bool:
    """Return whether each part is written the one right way: unused bits of base64url must be zero (RFC 4648, 3.5)."""
    try:
        return all(_decode_and_encode(part) == part for part in token.split("."))
    except (binascii.Error, ValueError):
        return False


def _decode_and_encode(part: str) -> str:
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
