"""Refresh tokens: a new access token without a new sign-in, once per refresh token.

A refresh token is 256 random bits that say nothing; only its hash is stored. Each is used once and replaced by the
next of its family. Who uses one a second time has stolen it, or was stolen from: nobody can tell, so the family ends
and its user signs in again. That holds for an answer that was lost on its way, too.

Source: RFC 9700 4.14 (refresh token protection), RFC 6819 5.2.2.3 (rotation).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from decant.auth.sqlite import SqliteFile
from decant.clock import Clock, SystemClock
from decant.errors import AuthenticationError

LIFETIME_S = 30 * 24 * 3600
"""Seconds that a refresh token waits to be used."""
FAMILY_LIFETIME_S = 90 * 24 * 3600
"""Seconds after which a user signs in again, however often they came."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RefreshEntry:
    """What is stored of a refresh token.

    Attributes:
        digest: SHA-256 of the token.
        family: Names the sign-in; the session of its access tokens.
        subject: The user's public id.
        expires_at: Unix seconds.
        family_ends_at: Unix seconds.
        used: Whether it was replaced.
        ended: Whether its family was ended.
    """

    digest: bytes
    family: str
    subject: str
    expires_at: float
    family_ends_at: float
    used: bool = False
    ended: bool = False


class RefreshStore(ABC):
    """Where refresh tokens are kept; one for all processes.

    Every method raises ``Unavailable`` when the store cannot be used; then nothing was changed, or the answer was lost.
    """

    @abstractmethod
    def add(self, entry: RefreshEntry, now: float) -> None:
        """Store the first token of a family; forget families that ended before ``now``."""

    @abstractmethod
    def exchange(self, digest: bytes, successor: bytes, expires_at: float, now: float) -> RefreshEntry | None:
        """Replace a token by its successor, in one step that no other call can come between.

        A token that is used already ends its family; one that is expired or ended changes nothing.

        Returns:
            The entry as it was before, or None for a token that nobody knows.
        """

    @abstractmethod
    def end_family(self, family: str) -> None:
        """Refuse every token of a family from now on."""

    @abstractmethod
    def end_subject(self, subject: str) -> Sequence[str]:
        """Refuse every token of a user from now on; return the families that ended by that."""

    @abstractmethod
    def find(self, digest: bytes) -> RefreshEntry | None:
        """Return what is stored of a token."""

    def close(self) -> None:  # noqa: B027 - a store without connections has nothing to close
        """Close the connections that nobody uses; more are opened when they are needed."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh token and what it stands for.

    Attributes:
        token: Given to the user, and stored nowhere.
        subject: The user's public id.
        family: Give it to the access token as its ``session``.
        expires_at: Unix seconds.
    """

    token: str
    subject: str
    family: str
    expires_at: float


class RefreshTokens:
    """Issues refresh tokens and replaces them.

    Args:
        store: Where they are kept.
        lifetime_s: Seconds that one waits to be used.
        family_lifetime_s: Seconds after which a user signs in again.
        on_reuse: Called with the entry each time that a used token comes again, for instance to revoke the access
            tokens of its session: ``lambda entry: tokens.revoke_session(entry.family)``.
        clock: Tells the time.

    Thread-safety: share it freely.
    """

    def __init__(
        self,
        store: RefreshStore,
        *,
        lifetime_s: float = LIFETIME_S,
        family_lifetime_s: float = FAMILY_LIFETIME_S,
        on_reuse: Callable[[RefreshEntry], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._lifetime_s = lifetime_s
        self._family_lifetime_s = family_lifetime_s
        self._on_reuse = on_reuse
        self._clock = clock or SystemClock()

    def start(self, subject: str) -> Refreshed:
        """Return the first token of a new family, after a sign-in."""
        now = self._clock.now().timestamp()
        token, family, ends_at = secrets.token_urlsafe(32), secrets.token_urlsafe(16), now + self._family_lifetime_s
        expires_at = min(now + self._lifetime_s, ends_at)
        self._store.add(RefreshEntry(_digest(token), family, subject, expires_at, ends_at), now)
        return Refreshed(token, subject, family, expires_at)

    def rotate(self, token: object) -> Refreshed:
        """Return the successor of a token, which is used up by that.

        Raises:
            AuthenticationError: For a token that is missing, malformed, unknown, expired, revoked or used already.
            Unavailable: When the store is down; the token is still good then, unless only the store's answer was lost.
        """
        digest = _digest_of(token)
        now, successor = self._clock.now().timestamp(), secrets.token_urlsafe(32)
        entry = self._store.exchange(digest, _digest(successor), now + self._lifetime_s, now)
        if entry is None:
            raise AuthenticationError("The refresh token is not known.")
        if entry.used and self._on_reuse is not None:
            self._on_reuse(entry)
        if entry.ended:
            raise AuthenticationError("The refresh token was revoked.")
        if entry.used:
            raise AuthenticationError("The refresh token was used already: sign in again.")
        if entry.expires_at <= now:
            raise AuthenticationError("The refresh token has expired.")
        return Refreshed(successor, entry.subject, entry.family, min(now + self._lifetime_s, entry.family_ends_at))

    def end(self, token: object) -> None:
        """End the family of a token: signing out. An unknown token ends nothing and is no error.

        Raises:
            AuthenticationError: For a token that is missing or malformed.
        """
        entry = self._store.find(_digest_of(token))
        if entry is not None:
            self._store.end_family(entry.family)

    def end_family(self, family: str) -> None:
        """End a family by its name, the session of its access tokens: signing out without the refresh token."""
        self._store.end_family(family)

    def end_all(self, subject: str) -> Sequence[str]:
        """End every family of a user; return them.

        Access tokens live on: :class:`~decant.auth.SignOut` ends both.
        """
        return self._store.end_subject(subject)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS refresh_families (
    family TEXT PRIMARY KEY, subject TEXT NOT NULL, ends_at REAL NOT NULL, ended INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_families_subject ON refresh_families (subject);
CREATE INDEX IF NOT EXISTS refresh_families_ends_at ON refresh_families (ends_at);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    digest BLOB PRIMARY KEY, family TEXT NOT NULL, expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_tokens_family ON refresh_tokens (family);
"""
_FIND = """
SELECT digest, family, subject, expires_at, ends_at, used, ended
FROM refresh_tokens JOIN refresh_families USING (family) WHERE digest = ?
"""
_ADD_TOKEN = "INSERT INTO refresh_tokens (digest, family, expires_at) VALUES (?, ?, ?)"  # noqa: S105 - a statement
_PRUNE = (
    "DELETE FROM refresh_tokens WHERE family IN (SELECT family FROM refresh_families WHERE ends_at <= ?)",
    "DELETE FROM refresh_families WHERE ends_at <= ?",
)


class SqliteRefreshStore(RefreshStore):
    """Refresh tokens in a file that all processes of a machine share.

    Args:
        path: Usually ``DECANT_HOME/sign-ins.sqlite3``.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def add(self, entry: RefreshEntry, now: float) -> None:
        with self._file.writing() as connection:
            for statement in _PRUNE:
                connection.execute(statement, (now,))
            family = (entry.family, entry.subject, entry.family_ends_at)
            connection.execute("INSERT INTO refresh_families (family, subject, ends_at) VALUES (?, ?, ?)", family)
            connection.execute(_ADD_TOKEN, (entry.digest, entry.family, entry.expires_at))

    def exchange(self, digest: bytes, successor: bytes, expires_at: float, now: float) -> RefreshEntry | None:
        with self._file.writing() as connection:
            entry = _entry(connection.execute(_FIND, (digest,)).fetchone())
            if entry is None or entry.ended:
                return entry
            if entry.used:
                connection.execute("UPDATE refresh_families SET ended = 1 WHERE family = ?", (entry.family,))
            elif entry.expires_at > now:
                connection.execute("UPDATE refresh_tokens SET used = 1 WHERE digest = ?", (digest,))
                connection.execute(_ADD_TOKEN, (successor, entry.family, min(expires_at, entry.family_ends_at)))
            return entry

    def end_family(self, family: str) -> None:
        with self._file.writing() as connection:
            connection.execute("UPDATE refresh_families SET ended = 1 WHERE family = ?", (family,))

    def end_subject(self, subject: str) -> Sequence[str]:
        with self._file.writing() as connection:
            open_ones = "SELECT family FROM refresh_families WHERE subject = ? AND ended = 0"
            families = [family for (family,) in connection.execute(open_ones, (subject,))]
            connection.execute("UPDATE refresh_families SET ended = 1 WHERE subject = ?", (subject,))
        return families

    def find(self, digest: bytes) -> RefreshEntry | None:
        with self._file.reading() as connection:
            return _entry(connection.execute(_FIND, (digest,)).fetchone())

    def close(self) -> None:
        self._file.close()


def _entry(row: tuple[bytes, str, str, float, float, int, int] | None) -> RefreshEntry | None:
    return None if row is None else RefreshEntry(*row[:5], used=bool(row[5]), ended=bool(row[6]))


def _digest_of(token: object) -> bytes:
    if not isinstance(token, str) or not token:
        raise AuthenticationError("The refresh token is missing.")
    if not _TOKEN.fullmatch(token):
        raise AuthenticationError("The refresh token is malformed.")
    return _digest(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
