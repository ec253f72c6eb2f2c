"""The keys of another process, read from its key set.

A token with an unknown key id asks for the set anew, but no more than once in ten seconds, however many ids are made
up. Keys that are known stay good while their server is down.

Source: RFC 7517 5 (JWK set), RFC 8725 3.10 (a token never says where keys are).
"""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from decant.auth.compact import Malformed, read_object
from decant.auth.signing import Key, key_from_jwk
from decant.clock import Clock, SystemClock
from decant.errors import SetupError, Unavailable

FETCH_AGAIN_S = 10.0
"""Seconds between two fetches at least; shorter than a new key is announced before it signs."""
REFRESH_S = 300.0
"""Seconds after which a key that was removed is known to be gone."""
TIMEOUT_S = 3.0
LONGEST_BYTES = 64 * 1024
MOST_KEYS = 32

Fetch: TypeAlias = Callable[[str], bytes]
"""Returns the body of an address, or raises ``OSError``."""


class RemoteKeys:
    """Keys for verifying, from an address.

    Args:
        url: Of the key set: https, or http on this machine.
        fetch: Reads it; by default without redirects and proxies, in 3 s and up to 64 KiB.
        refresh_s: Seconds after which the set is read again.
        clock: Tells the time.

    Raises:
        SetupError: For another kind of address.

    Thread-safety: share it freely; one thread fetches.
    """

    def __init__(
        self, url: str, *, fetch: Fetch | None = None, refresh_s: float = REFRESH_S, clock: Clock | None = None
    ) -> None:
        parts = urlsplit(url)
        local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if fetch is None and not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local))):
            raise SetupError(
                f"The keys of access tokens cannot be read from {url!r} (DECANT_AUTH_JWKS_URL).",
                hint="Give an address with https, or with http on this machine.",
            )
        self.url = url
        self._fetch = fetch or fetch_plainly
        self._refresh_s = refresh_s
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._keys: dict[str, Key] = {}
        self._version = 0
        self._tried_at: float | None = None
        self._read_at = 0.0
        self._failed = False

    def find(self, kid: str) -> Key | None:
        """Return the key of that name, or None when there is none.

        Raises:
            Unavailable: When the key is not known and its server does not answer: nobody can tell then.
        """
        self._keep_fresh()
        key = self._keys.get(kid)
        if key is not None:
            return key
        with self._lock:
            if kid not in self._keys and self._may_try():
                self._read()
        key = self._keys.get(kid)
        if key is None and self._failed:
            raise Unavailable(
                f"The keys at {self.url} cannot be read.", may_have_run=False, retry_after_s=FETCH_AGAIN_S
            )
        return key

    def version(self) -> int:
        self._keep_fresh()
        return self._version

    def _keep_fresh(self) -> None:
        """Read the set again when it is old; one thread does, the others go on with what they have."""
        if self._keys and self._clock.monotonic() >= self._read_at + self._refresh_s and self._lock.acquire(False):
            try:
                if self._may_try():
                    self._read()
            finally:
                self._lock.release()

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock.monotonic() >= self._tried_at + FETCH_AGAIN_S

    def _read(self) -> None:
        self._tried_at = self._clock.monotonic()
        try:
            keys = read_key_set(self._fetch(self.url))
        except (OSError, Malformed):
            self._failed = True
            return
        gone = any(key.jwk != getattr(keys.get(kid), "jwk", None) for kid, key in self._keys.items())
        self._keys, self._failed, self._read_at = keys, False, self._tried_at
        self._version += gone


def read_key_set(raw: bytes) -> dict[str, Key]:
    """Return the keys for signatures in a JWK set, by name; other keys in it are passed over.

    Raises:
        Malformed: When it is no key set, too long, holds no key that can be used, or two of the same name.
    """
    if len(raw) > LONGEST_BYTES:
        raise Malformed("the key set is too long")
    members = read_object(raw).get("keys")
    if not isinstance(members, list) or len(members) > MOST_KEYS:
        raise Malformed("there is no list of keys, or it is too long")
    keys: dict[str, Key] = {}
    for key in filter(None, map(_usable, members)):
        if key.kid in keys:
            raise Malformed("two keys have the same name")
        keys[key.kid] = key
    if not keys:
        raise Malformed("no key can be used")
    return keys


def fetch_plainly(url: str) -> bytes:
    """Return what an address answers: no redirect, no proxy, 3 s and 64 KiB at most.

    Raises:
        OSError: When it does not.
    """
    ends = time.monotonic() + TIMEOUT_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
    request = urllib.request.Request(url, headers={"Accept": "application/jwk-set+json, application/json"})  # noqa: S310 - the scheme is checked
    body = b""
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            while chunk := answer.read1(LONGEST_BYTES):
                body += chunk
                if len(body) > LONGEST_BYTES or time.monotonic() > ends:
                    raise OSError("the answer is too long or too slow")
            if answer.status != 200:
                raise OSError(f"the answer is {answer.status}")
    except urllib.error.HTTPError as error:
        error.close()
        raise
    except (http.client.HTTPException, ValueError) as error:
        raise OSError("no HTTP answer") from error
    return body


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: what is not answered here is an error."""


def _usable(jwk: object) -> Key | None:
    """Return a key, or None for one that is for something else."""
    if not isinstance(jwk, dict):
        return None
    try:
        return key_from_jwk(jwk)
    except Malformed:
        return None
