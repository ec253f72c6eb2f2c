"""Revoked tokens in Redis, for several machines."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from decant.auth.redis_store import RedisStore
from decant.auth.revocation import RevocationStore
from decant.clock import Clock, SystemClock

_REVOKE = """
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'EX', ARGV[1]) end
"""
_REVOKE_BEFORE = """
local before = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
local ttl = math.max(redis.call('TTL', KEYS[1]), tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', before), 'EX', ttl)
"""


class RedisRevocations(RedisStore, RevocationStore):
    """Revocations in Redis, where each forgets itself. It must evict none (``noeviction``): that token is good again.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; never repeated in an error, for it may hold a password.
        prefix: What every key begins with; one per workspace.
        clock: Tells the time.

    Raises:
        MissingExtra: Without the package ``redis``.
        SetupError: For another kind of URL.

    Thread-safety: share it freely.
    """

    def __init__(self, url: str, *, prefix: str = "decant:", clock: Clock | None = None) -> None:
        super().__init__(url, prefix=prefix)
        self._clock = clock or SystemClock()

    def revoke(self, identifier: str, until: float) -> None:
        if (seconds := self._seconds(until)) > 0:
            self._try(lambda: self._redis.eval(_REVOKE, 1, self._id(identifier), str(seconds)))

    def revoke_before(self, subject: str, before: int, until: float) -> None:
        if (seconds := self._seconds(until)) > 0:
            self._try(lambda: self._redis.eval(_REVOKE_BEFORE, 1, self._subject(subject), str(before), str(seconds)))

    def is_revoked(self, identifiers: Sequence[str]) -> bool:
        return bool(self._try(lambda: self._redis.exists(*map(self._id, identifiers))))

    def issued_before(self, subject: str) -> int:
        return int(self._try(lambda: self._redis.get(self._subject(subject))) or 0)

    def _seconds(self, until: float) -> int:
        return ceil(until - self._clock.now().timestamp())

    def _id(self, identifier: str) -> str:
        return f"{self._prefix}revoked:{identifier}"

    def _subject(self, subject: str) -> str:
        return f"{self._prefix}revoked-before:{subject}"
