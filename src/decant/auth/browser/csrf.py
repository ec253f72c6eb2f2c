"""Whether a form comes from a page of ours: by what the browser says, and by a secret of the session.

Either would do alone where every browser is new and every header arrives; old browsers and strange proxies exist, so
both are asked.

Source: Go 1.25, ``net/http.CrossOriginProtection``; OWASP Cross-Site Request Forgery Prevention Cheat Sheet
(synchroniser token); the mask against BREACH is Django's.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest
from urllib.parse import urlsplit

from flask import Request

from decant.errors import PermissionDeniedError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
"""The name of the form's hidden field."""
HEADER = "X-CSRF-Token"
"""What a script sends in its place."""

_BYTES = 32
_LENGTH = 88  # of a masked secret in base64
_FOREIGN = "This form was sent from another site, so nothing was done. Open the page here and send it again."
_NO_COOKIE = (
    "Your browser sent no session with this form, so nothing was done. Allow cookies for this site, reload the page "
    "and send the form again."
)
_STALE = "This form is older than your session, so nothing was done. Go back, reload the page and send the form again."


class CsrfFailed(PermissionDeniedError, code="csrf-failed", status=403):
    """This form was not sent from a page of this session, so nothing was done."""


def new_secret() -> str:
    """Return a secret for a session."""
    return _text(secrets.token_bytes(_BYTES))


def mask(secret: str) -> str:
    """Return a secret in a form that differs each time, so that compressed pages do not give it away."""
    pad = secrets.token_bytes(_BYTES)
    return _text(pad + _xor(pad, urlsafe_b64decode(secret)))


def protect(request: Request, secret: str | None) -> None:
    """Refuse a request that changes something and does not come from a page of its own session.

    Args:
        request: The request; one with a safe method passes.
        secret: The session's, or None where it has none.

    Raises:
        CsrfFailed: With what its user can do.
    """
    if request.method in SAFE_METHODS:
        return
    if not is_same_origin(request.host, request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")):
        raise CsrfFailed(_FOREIGN)
    if secret is None:
        raise CsrfFailed(_NO_COOKIE)
    if not _matches(request.headers.get(HEADER) or request.form.get(FIELD), secret):
        raise CsrfFailed(_STALE)


def is_same_origin(host: str, site: str | None, origin: str | None) -> bool:
    """Return whether a browser says that a request comes from this origin; where it says nothing, it may.

    Args:
        host: The request's own host, with its port where that is not the usual one.
        site: Its ``Sec-Fetch-Site``, which no page can forge; sent over TLS and on the browser's own machine.
        origin: Its ``Origin``.
    """
    if site:
        return site in ("same-origin", "none")
    if not origin:
        return True
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _matches(given: str | None, secret: str) -> bool:
    if given is None or len(given) != _LENGTH or not given.isascii():
        return False
    try:
        masked = urlsafe_b64decode(given)
    except ValueError:
        return False
    if len(masked) != 2 * _BYTES:
        return False
    return compare_digest(_xor(masked[:_BYTES], masked[_BYTES:]), urlsafe_b64decode(secret))


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii")
