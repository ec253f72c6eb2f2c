"""How often a sign-in may fail: ten times a minute for an account, a hundred times for an address.

Only failures count; whoever knows the password is never slowed down by their own visits. Ten failures shut an account
for a moment, whoever caused them: that is the price of a bound on guessing.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import unicodedata
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from decant.auth.sqlite import SqliteFile
from decant.clock import Clock, SystemClock
from decant.errors import AuthenticationError, DomainError

WINDOW_S = 60.0
PER_ACCOUNT = 10
PER_ADDRESS = 100


class TooManyAttempts(DomainError, code="too-many-attempts", status=429):
    """Too many sign-ins failed; try again in {retry_after_s} s."""

    retry_after_s: int

    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class FailureStore(ABC):
    """Where failures are kept. Keys are hashes, times Unix seconds."""

    @abstractmethod
    def add(self, keys: Sequence[bytes], at: float, since: float) -> None:
        """Note a failure under each key; forget those before ``since``."""

    @abstractmethod
    def recent(self, key: bytes, since: float, limit: int) -> Sequence[float]:
        """Return the last ``limit`` failures after ``since``, the newest first."""

    @abstractmethod
    def clear(self, key: bytes) -> None:
        """Forget the failures of a key."""

    def close(self) -> None:  # noqa: B027 - a store without connections has nothing to close
        """Close the connections that nobody uses; more are opened when they are needed."""


class LoginLimit:
    """Refuses sign-ins after too many failures.

    Args:
        store: Where failures are kept.
        per_account: Failures that an account may have in a minute.
        per_address: Failures that an address may cause in a minute; an IPv6 network of 64 bits counts as one.
        clock: Tells the time.

    Thread-safety: share it freely.

    Example:
        >>> limit = LoginLimit(MemoryFailures())
        >>> with limit.attempt("ada@example.org", "192.0.2.7"):
        ...     pass  # raise AuthenticationError when the password is wrong
    """

    def __init__(
        self,
        store: FailureStore,
        *,
        per_account: int = PER_ACCOUNT,
        per_address: int = PER_ADDRESS,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._per_account = per_account
        self._per_address = per_address
        self._clock = clock or SystemClock()

    @contextmanager
    def attempt(self, account: str, address: str) -> Iterator[None]:
        """Run one sign-in: an ``AuthenticationError`` in the block is a failure, its end a success.

        The limit is looked at again after a success: of a hundred guesses sent at once, none is told to be right once
        ten others have failed.

        Args:
            account: As typed, for instance an e-mail address; kept as a hash only.
            address: The client's IP address.

        Raises:
            TooManyAttempts: Before the block, or in place of its success.
        """
        self.check(account, address)
        try:
            yield
        except AuthenticationError:
            self.failed(account, address)
            raise
        self.check(account, address)
        self._store.clear(_account_key(account))

    def check(self, account: str, address: str) -> None:
        """Refuse when the limit is reached.

        Raises:
            TooManyAttempts: Says after how many seconds a failure is allowed again.
        """
        now = self._clock.now().timestamp()
        wait_s = max(
            self._wait_s(_account_key(account), self._per_account, now),
            self._wait_s(_address_key(address), self._per_address, now),
        )
        if wait_s > 0:
            raise TooManyAttempts(retry_after_s=max(1, ceil(wait_s)))

    def failed(self, account: str, address: str) -> None:
        """Note a failure."""
        now = self._clock.now().timestamp()
        self._store.add([_account_key(account), _address_key(address)], now, now - WINDOW_S)

    def _wait_s(self, key: bytes, limit: int, now: float) -> float:
        times = self._store.recent(key, now - WINDOW_S, limit)
        return times[-1] + WINDOW_S - now if len(times) >= limit else 0.0


class MemoryFailures(FailureStore):
    """Failures of one process; the keys that failed longest ago are forgotten first.

    Args:
        keys: How many keys are remembered.
        each: How many failures of each: the larger limit at least.
    """

    def __init__(self, keys: int = 20_000, each: int = PER_ADDRESS) -> None:
        self._keys = keys
        self._each = each
        self._lock = threading.Lock()
        self._times: OrderedDict[bytes, list[float]] = OrderedDict()

    def add(self, keys: Sequence[bytes], at: float, since: float) -> None:
        with self._lock:
            for key in keys:
                kept = [time for time in self._times.pop(key, []) if time > since]
                self._times[key] = [*kept, at][-self._each :]
            while len(self._times) > self._keys:
                self._times.popitem(last=False)

    def recent(self, key: bytes, since: float, limit: int) -> Sequence[float]:
        with self._lock:
            return sorted((time for time in self._times.get(key, ()) if time > since), reverse=True)[:limit]

    def clear(self, key: bytes) -> None:
        with self._lock:
            self._times.pop(key, None)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS failures (key BLOB NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS failures_key ON failures (key, at);
CREATE INDEX IF NOT EXISTS failures_at ON failures (at);
"""


class SqliteFailures(FailureStore):
    """Failures in a file that all processes of a machine share; nothing in it is older than a minute.

    Args:
        path: Usually ``DECANT_HOME/sign-ins.sqlite3``.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def add(self, keys: Sequence[bytes], at: float, since: float) -> None:
        with self._file.writing() as connection:
            connection.execute("DELETE FROM failures WHERE at <= ?", (since,))
            connection.executemany("INSERT INTO failures VALUES (?, ?)", [(key, at) for key in keys])

    def recent(self, key: bytes, since: float, limit: int) -> Sequence[float]:
        newest = "SELECT at FROM failures WHERE key = ? AND at > ? ORDER BY at DESC LIMIT ?"
        with self._file.reading() as connection:
            return [at for (at,) in connection.execute(newest, (key, since, limit))]

    def clear(self, key: bytes) -> None:
        with self._file.reading() as connection:
            if connection.execute("SELECT 1 FROM failures WHERE key = ?", (key,)).fetchone() is None:
                return  # most sign-ins end here, and write nothing
        with self._file.writing() as connection:
            connection.execute("DELETE FROM failures WHERE key = ?", (key,))

    def close(self) -> None:
        self._file.close()


def _account_key(account: str) -> bytes:
    """Return a hash: people type passwords into the wrong field."""
    folded = unicodedata.normalize("NFC", account.strip().casefold())
    return hashlib.sha256(b"account\0" + folded.encode("utf-8", "surrogatepass")).digest()


def _address_key(address: str) -> bytes:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        if parsed.version == 6 and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        network = str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)) if parsed.version == 6 else parsed)
    return hashlib.sha256(b"address\0" + network.encode("utf-8", "surrogatepass")).digest()
