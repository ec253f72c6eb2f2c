"""Passwords: argon2id, and never so many at once that other requests wait for them.

A password is normalised to NFC before it is hashed (RFC 8265, OpaqueString): the same text typed on two
keyboards is the same password. Nothing else is changed: no folding of look-alikes (NFKC), no trimming.

Source: RFC 9106 (Argon2), OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane).
"""

from __future__ import annotations

import base64
import os
import secrets
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from decant.context import current
from decant.errors import DomainError, MissingExtra, ValidationError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LONGEST = 1024
"""Characters that a password may have."""
MEMORY_KIB = 19 * 1024
PASSES = 2
_LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32


class SignInBusy(DomainError, code="sign-in-busy", status=503, retryable=True):
    """Too many passwords are being checked at the moment; try again in {retry_after_s} s."""

    retry_after_s: int = 1

    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class Passwords:
    """Hashes passwords and checks them.

    Hashing is meant to be slow (about 14 ms of one processor), so only ``at_once`` run at the same time in this
    process and ``waiting`` more may queue. Whoever comes then is refused at once, and no thread is lost to them.

    Args:
        at_once: Hashes at the same time; half of the processors by default.
        waiting: Callers that may wait for their turn.
        wait_s: Seconds that one of them waits at most; an earlier deadline of the call counts, too.
        memory_kib: Memory of one hash, in KiB.
        passes: Passes over that memory.

    Thread-safety: share one object; the bound is per object.

    Example:
        >>> passwords = Passwords()
        >>> stored = passwords.hash("correct horse")
        >>> passwords.verify(stored, "correct horse"), passwords.verify(stored, "Correct horse")
        (True, False)
    """

    def __init__(
        self,
        *,
        at_once: int | None = None,
        waiting: int = 16,
        wait_s: float = 1.0,
        memory_kib: int = MEMORY_KIB,
        passes: int = PASSES,
    ) -> None:
        self._hasher = _hasher(memory_kib, passes)
        self._at_once = at_once or max(1, len(os.sched_getaffinity(0)) // 2)
        self._turns = threading.BoundedSemaphore(self._at_once)
        self._places = threading.BoundedSemaphore(self._at_once + waiting)
        self._wait_s = wait_s
        self._nobodys = _hash_of_nothing(memory_kib, passes)

    def hash(self, password: str) -> str:
        """Return what to store: parameters, salt and hash in one text (PHC format).

        Raises:
            ValidationError: When the password is empty, too long or no valid text.
            SignInBusy: When too many are being hashed.
        """
        from argon2.exceptions import HashingError

        raw = _prepare(password)
        if raw is None:
            fault = {
                "field": "password",
                "message": f"A password has 1 to {LONGEST} characters.",
                "code": "password_length",
            }
            raise ValidationError(f"The password must have 1 to {LONGEST} characters.", errors=[fault])
        with self._turn():
            try:
                return self._hasher.hash(raw)
            except HashingError as error:  # the memory could not be had
                raise SignInBusy from error

    def verify(self, stored: str, password: str) -> bool:
        """Return whether this is the password; always takes the time of one hash.

        A stored text that is no argon2 hash matches no password: ``"!"`` is an account without one.

        Raises:
            SignInBusy: When too many are being hashed.
        """
        raw = _prepare(password)
        if raw is None:
            self.dummy_verify()
            return False
        with self._turn():
            return self._matches(stored, raw)

    def dummy_verify(self, password: str = "") -> None:
        """Take the time of :meth:`verify` for an account that does not exist.

        Raises:
            SignInBusy: When too many are being hashed, as for an account that exists.
        """
        raw = _prepare(password) or b"nobody"
        with self._turn():
            self._matches(self._nobodys, raw)

    def needs_rehash(self, stored: str) -> bool:
        """Return whether a hash was made with other parameters; hash again after a successful sign-in."""
        from argon2.exceptions import InvalidHashError

        try:
            return self._hasher.check_needs_rehash(stored)
        except InvalidHashError:
            return True

    def _matches(self, stored: str, raw: bytes) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

        try:
            return self._hasher.verify(stored, raw)
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError, UnicodeError) as error:
            if "Memory allocation" in str(error):
                raise SignInBusy from error
            if stored is not self._nobodys:
                self._matches(self._nobodys, raw)
            return False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise SignInBusy
        try:
            left = current.get().remaining_s()
            wait_s = self._wait_s if left is None else max(0.0, min(self._wait_s, left))
            if not self._turns.acquire(timeout=wait_s):
                raise SignInBusy
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()


def _hasher(memory_kib: int, passes: int) -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise MissingExtra("argon2-cffi", "auth") from error
    return PasswordHasher(passes, memory_kib, _LANES, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES)


def _prepare(password: object) -> bytes | None:
    """Return a password as it is hashed, or None when it cannot be one."""
    if not isinstance(password, str) or not 1 <= len(password) <= LONGEST:
        return None
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return None


def _hash_of_nothing(memory_kib: int, passes: int) -> str:
    """Return a hash that no password has, without the work of making one."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (_SALT_BYTES, _HASH_BYTES)
    )
    return f"$argon2id$v=19$m={memory_kib},t={passes},p={_LANES}${salt}${digest}"
