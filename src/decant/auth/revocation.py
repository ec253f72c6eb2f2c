"""Revoked tokens: one token, one session, or everything of a user before now.

A store is asked about a token at most twice a second in each process, so a revocation is effective everywhere within
a second. Where the store cannot be asked, requests that change something are refused with 503 (fail closed); reading
goes on with the last answers. An entry is forgotten once the tokens that it is about have expired.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decant.auth.memory import Memory
from decant.auth.principal import Principal
from decant.auth.sqlite import SqliteFile
from decant.clock import Clock, SystemClock
from decant.errors import Unavailable

if TYPE_CHECKING:
    import sqlite3

ASK_AGAIN_S = 0.5
"""Seconds that an answer is believed, and that a store which failed is left alone."""
REMEMBERED = 4096


class RevocationStore(ABC):
    """Where revocations are kept; one for all processes.

    Every method raises ``Unavailable`` when the store cannot be used. Times are Unix seconds.
    """

    @abstractmethod
    def revoke(self, identifier: str, until: float) -> None:
        """Revoke a token or session; forget it after ``until``."""

    @abstractmethod
    def revoke_before(self, subject: str, before: int, until: float) -> None:
        """Revoke what was issued to a subject before a second; an earlier moment never replaces a later one."""

    @abstractmethod
    def is_revoked(self, identifiers: Sequence[str]) -> bool:
        """Return whether one of these tokens or sessions is revoked."""

    @abstractmethod
    def issued_before(self, subject: str) -> int:
        """Return the second before which everything of the subject is revoked; 0 where nothing is."""

    def close(self) -> None:  # noqa: B027 - a store without connections has nothing to close
        """Close the connections that nobody uses; more are opened when they are needed."""


class MemoryRevocations(RevocationStore):
    """Revocations of one process, for tests."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._ids: dict[str, float] = {}
        self._before: dict[str, tuple[int, float]] = {}

    def revoke(self, identifier: str, until: float) -> None:
        with self._lock:
            now = self._clock.now().timestamp()
            self._ids = {known: end for known, end in self._ids.items() if end > now}
            self._ids[identifier] = max(until, self._ids.get(identifier, 0.0))

    def revoke_before(self, subject: str, before: int, until: float) -> None:
        with self._lock:
            now = self._clock.now().timestamp()
            self._before = {known: entry for known, entry in self._before.items() if entry[1] > now}
            known = self._before.get(subject, (0, 0.0))
            self._before[subject] = (max(before, known[0]), max(until, known[1]))

    def is_revoked(self, identifiers: Sequence[str]) -> bool:
        now = self._clock.now().timestamp()
        return any(self._ids.get(identifier, 0.0) > now for identifier in identifiers)

    def issued_before(self, subject: str) -> int:
        before, until = self._before.get(subject, (0, 0.0))
        return before if until > self._clock.now().timestamp() else 0


_SCHEMA = """
CREATE TABLE IF NOT EXISTS revoked (id TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revoked_until ON revoked (until);
CREATE TABLE IF NOT EXISTS revoked_before (
    subject TEXT PRIMARY KEY, before INTEGER NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revoked_before_until ON revoked_before (until);
"""
_REVOKE = "INSERT INTO revoked VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET until = max(until, excluded.until)"
_REVOKE_BEFORE = """
INSERT INTO revoked_before VALUES (?, ?, ?) ON CONFLICT (subject) DO UPDATE
SET before = max(before, excluded.before), until = max(until, excluded.until)
"""


class SqliteRevocations(RevocationStore):
    """Revocations in a file that all processes of a machine share.

    Args:
        path: Usually ``DECANT_HOME/sign-ins.sqlite3``.
        clock: Tells the time.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._file = SqliteFile(path, _SCHEMA)
        self._clock = clock or SystemClock()

    def revoke(self, identifier: str, until: float) -> None:
        with self._file.writing() as connection:
            connection.execute(_REVOKE, (identifier, until))
            self._prune(connection)

    def revoke_before(self, subject: str, before: int, until: float) -> None:
        with self._file.writing() as connection:
            connection.execute(_REVOKE_BEFORE, (subject, before, until))
            self._prune(connection)

    def is_revoked(self, identifiers: Sequence[str]) -> bool:
        now = self._clock.now().timestamp()
        with self._file.reading() as connection:
            return any(
                connection.execute("SELECT 1 FROM revoked WHERE id = ? AND until > ?", (identifier, now)).fetchone()
                for identifier in identifiers
            )

    def issued_before(self, subject: str) -> int:
        row = (subject, self._clock.now().timestamp())
        with self._file.reading() as connection:
            found = connection.execute("SELECT before FROM revoked_before WHERE subject = ? AND until > ?", row)
            return int((found.fetchone() or (0,))[0])

    def close(self) -> None:
        self._file.close()

    def _prune(self, connection: sqlite3.Connection) -> None:
        now = (self._clock.now().timestamp(),)
        connection.execute("DELETE FROM revoked WHERE until <= ?", now)
        connection.execute("DELETE FROM revoked_before WHERE until <= ?", now)


class Revocations:
    """Asks a store, and not for every request.

    Args:
        store: Where they are kept.
        clock: Tells the time.

    Thread-safety: share it freely.
    """

    def __init__(self, store: RevocationStore, clock: Clock | None = None) -> None:
        self.store = store
        self._clock = clock or SystemClock()
        self._good: Memory[str, float] = Memory(REMEMBERED)
        self._revoked: Memory[str, bool] = Memory(REMEMBERED)
        self._down_until = 0.0

    def is_revoked(self, principal: Principal, *, reading: bool = False) -> bool:
        """Return whether a token is revoked, by an answer that is half a second old at most.

        Args:
            principal: Whose token it is.
            reading: Whether the request changes nothing: then it may go on while the store is down.

        Raises:
            Unavailable: When the store is down and the request may change something.
        """
        token_id, now = principal.token_id, self._clock.monotonic()
        if 0.0 <= (self._good.get(token_id) or 0.0) - now <= ASK_AGAIN_S:
            return False
        if self._revoked.get(token_id):
            return True
        try:
            revoked = self._ask(principal, now)
        except Unavailable:
            if reading:
                return False
            raise
        if revoked:
            self._revoked.put(token_id, True)
        else:
            self._good.put(token_id, now + ASK_AGAIN_S)  # from the moment before the question
        return revoked

    def _ask(self, principal: Principal, now: float) -> bool:
        if 0.0 < self._down_until - now <= ASK_AGAIN_S:
            raise Unavailable("The store of revoked tokens cannot be asked.", may_have_run=False, retry_after_s=1)
        identifiers = [principal.token_id, principal.session] if principal.session else [principal.token_id]
        try:
            return self.store.is_revoked(identifiers) or principal.issued_at < self.store.issued_before(
                principal.subject
            )
        except Unavailable:
            self._down_until = now + ASK_AGAIN_S
            raise

    def forget(self) -> None:
        """Ask about every token anew: what this process revokes is effective here at once."""
        self._good.clear()
