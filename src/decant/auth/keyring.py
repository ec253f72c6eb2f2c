"""The keys of user tokens: one signs, others still verify, and a rotation refuses no valid token.

A new key is announced first: it verifies at once and signs only ``ANNOUNCE_S`` later, when every reader of the key
set has had a chance to fetch it. The old one verifies until the last token that it signed has expired.

Source: RFC 7517 (JWK set), RFC 8725 3.1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from decant.auth.keys import load_key, load_or_create_key
from decant.auth.signing import Key, key_from_pem, key_from_private, key_from_secret
from decant.clock import Clock, SystemClock
from decant.errors import SetupError

ANNOUNCE_S = 15
"""Seconds that a new key is known before it signs: more than readers wait between two fetches."""
REREAD_S = 1.0
"""Seconds between two looks into a folder of keys."""
JWKS_MAX_AGE_S = 2
"""Seconds that a cache may keep a key set. A reader that has just read an old one reads again after 10 s at the
earliest: with this, and a second to notice the new key, it still knows the key before it signs."""


class Keys(Protocol):
    """What verifying needs of keys."""

    def find(self, kid: str) -> Key | None:
        """Return the key of that name, or None when there is none."""
        ...

    def version(self) -> int:
        """Return a number that changes when a key is gone."""
        ...


class Keyring:
    """Keys in memory.

    Args:
        signing: The key that signs.
        verifying: Keys that only verify: the one before, and the one to come.

    Raises:
        SetupError: When the first cannot sign, or two keys have the same name.

    Thread-safety: share it freely.
    """

    def __init__(self, signing: Key, verifying: Iterable[Key] = ()) -> None:
        if signing.sign is None:
            raise SetupError("The signing key is a public key: it can only verify.", hint="Give the private key.")
        self._signing = signing
        self._keys = _by_name([signing, *verifying])
        self._version = 0

    def signing(self) -> Key:
        """Return the key that signs now."""
        return self._signing

    def find(self, kid: str) -> Key | None:
        return self._keys.get(kid)

    def version(self) -> int:
        return self._version

    def rotate(self, signing: Key) -> None:
        """Let another key sign; those before it still verify.

        Raises:
            SetupError: When it cannot sign.
        """
        ring = Keyring(signing, (key for key in self._keys.values() if key.kid != signing.kid))
        self._keys, self._signing = ring._keys, signing

    def retire(self, kid: str) -> None:
        """Forget a key: every token that it signed is refused from now on.

        Raises:
            SetupError: For the key that signs.
        """
        if kid == self._signing.kid:
            raise SetupError("The signing key cannot be retired.", hint="Rotate to another one first.")
        self._keys = {name: key for name, key in self._keys.items() if name != kid}
        self._version += 1

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK set; a shared secret is not in it."""
        return jwks_of(self._keys.values())


class PublicKeys:
    """Keys of another process that do not change while this one runs, for verifying.

    Args:
        keys: The keys; the private half of one is never used.

    Raises:
        SetupError: When there is none, or two have the same name.

    Thread-safety: share it freely.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise SetupError("There is no key to verify access tokens with.")
        self._keys = _by_name(keys)

    def find(self, kid: str) -> Key | None:
        return self._keys.get(kid)

    def version(self) -> int:
        return 0

    def jwks(self) -> dict[str, Any]:
        """Return the keys as a JWK set."""
        return jwks_of(self._keys.values())


class KeyFolder:
    """Keys in a folder that several processes share, for development and for one machine.

    Each file is an Ed25519 key, named by the Unix second in which it was made. The newest that was announced long
    enough signs. Every process sees a change within a second.

    Args:
        path: Usually ``DECANT_HOME/keys/users``.
        keep_s: Seconds that a replaced key still verifies: the lifetime of the tokens and the leeway at least.
        clock: Tells the time.

    Raises:
        SetupError: When the folder cannot be used, or others can read a key.

    Thread-safety: share it freely, between processes too.
    """

    def __init__(self, path: Path, *, keep_s: float, clock: Clock | None = None) -> None:
        self.path = path
        self._keep_s = keep_s
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._loaded: dict[str, Key] = {}
        self._keys: dict[str, Key] = {}
        self._version = 0
        self._look_again_at = 0.0
        load_or_create_key(path / f"{0:012d}.pem")
        self._read()

    def signing(self) -> Key:
        """Return the key that signs now."""
        self._look()
        names = sorted(self._loaded)
        return self._loaded[_signs(names, self._clock.now().timestamp())]

    def find(self, kid: str) -> Key | None:
        self._look()
        return self._keys.get(kid)

    def version(self) -> int:
        self._look()
        return self._version

    def rotate(self) -> Key:
        """Make a new key; it signs ``ANNOUNCE_S`` from now in every process.

        Returns:
            The new key. Keys whose tokens have all expired are deleted.
        """
        now = self._clock.now().timestamp()
        key = key_from_private(load_or_create_key(self.path / f"{int(now):012d}.pem"))
        names = sorted(path.stem for path in self.path.glob("[0-9]*.pem"))
        for name in _expired(names, now, self._keep_s):
            (self.path / f"{name}.pem").unlink(missing_ok=True)
        self._read()
        return key

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK set."""
        self._look()
        return jwks_of(self._keys.values())

    def _look(self) -> None:
        if time.monotonic() >= self._look_again_at:
            self._read(once=True)

    def _read(self, *, once: bool = False) -> None:
        with self._lock:
            if once and time.monotonic() < self._look_again_at:
                return  # another thread has just looked
            self._look_again_at = time.monotonic() + REREAD_S
            found = {path.stem: path for path in self.path.glob("[0-9]*.pem")}
            if found.keys() == self._loaded.keys():
                return
            loaded = {name: self._loaded.get(name) or key_from_private(load_key(path)) for name, path in found.items()}
            if not loaded:
                raise SetupError(
                    f"The signing keys in {self.path} are gone.", hint="Restart, and everybody signs in again."
                )
            gone = self._loaded.keys() - loaded.keys()
            self._loaded, self._keys = loaded, _by_name(list(loaded.values()))
            self._version += bool(gone)


def open_keyring(
    *,
    secret: str | None = None,
    signing_key: str | None = None,
    verifying_keys: Sequence[str] = (),
    home: Path | None = None,
    keep_s: float,
) -> Keyring | PublicKeys | KeyFolder:
    """Return the keys that the settings name.

    Args:
        secret: ``JWT_SECRET_KEY``: HS256, nothing else beside it.
        signing_key: A private key (PEM).
        verifying_keys: Keys (PEM) whose tokens are still, or already, taken; without a signing key all that there are.
        home: ``DECANT_HOME``, where a key is made when none is given. None in production: a key is required there.
        keep_s: Seconds that a replaced key in ``home`` still verifies.

    Raises:
        SetupError: When a key is missing, unfit, or given twice over.
    """
    if secret is not None:
        if signing_key is not None or verifying_keys:
            raise SetupError(
                "There are two kinds of keys for user tokens: JWT_SECRET_KEY and a key pair.", hint="Unset one of them."
            )
        return Keyring(key_from_secret(secret))
    others = [
        key_from_pem(pem, f"Key {number} of DECANT_AUTH_VERIFYING_KEYS") for number, pem in enumerate(verifying_keys, 1)
    ]
    if signing_key is not None:
        return Keyring(key_from_pem(signing_key, "DECANT_AUTH_SIGNING_KEY"), others)
    if others:
        return PublicKeys(others)
    if home is None:
        raise SetupError(
            "Access tokens of users have no key, and in production none is made.",
            hint="Set DECANT_AUTH_SIGNING_KEY, the same on every host (openssl genpkey -algorithm ed25519), or "
            "JWT_SECRET_KEY; a service that only verifies needs DECANT_AUTH_JWKS_URL or DECANT_AUTH_VERIFYING_KEYS.",
        )
    return KeyFolder(home / "keys" / "users", keep_s=keep_s)


def jwks_of(keys: Iterable[Key]) -> dict[str, list[Mapping[str, str]]]:
    """Return a JWK set (RFC 7517, 5)."""
    return {"keys": [key.jwk for key in keys if key.jwk is not None]}


def _by_name(keys: Sequence[Key]) -> dict[str, Key]:
    named = {key.kid: key for key in keys}
    if len(named) != len(keys):
        raise SetupError("The same key is given twice.", hint="Remove it from the keys that only verify.")
    return named


def _signs(names: Sequence[str], now: float) -> str:
    """Return the newest name that was announced long enough; the oldest where none was."""
    return max((name for name in names if int(name) + ANNOUNCE_S <= now), default=names[0])


def _expired(names: Sequence[str], now: float, keep_s: float) -> list[str]:
    """Return the names whose successor has signed for longer than any token lives."""
    return [name for name, successor in pairwise(names) if int(successor) + ANNOUNCE_S + REREAD_S + keep_s < now]
