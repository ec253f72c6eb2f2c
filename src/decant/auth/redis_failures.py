"""Failed sign-ins in Redis, for several machines."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from math import ceil

from decant.auth.limits import FailureStore
from decant.auth.redis_store import RedisStore


class RedisFailures(RedisStore, FailureStore):
    """Failures in Redis, where each forgets itself: a sorted set of times per key.

    It is made as :class:`~decant.auth.redis_store.RedisStore` is.

    Thread-safety: share it freely.
    """

    def add(self, keys: Sequence[bytes], at: float, since: float) -> None:
        with self._redis.pipeline(transaction=True) as steps:
            for name in map(self._name, keys):
                steps.zadd(name, {secrets.token_bytes(12): at})  # two failures of one moment are two
                steps.zremrangebyscore(name, "-inf", since)
                steps.expire(name, ceil(at - since) + 1)
            self._try(steps.execute)

    def recent(self, key: bytes, since: float, limit: int) -> Sequence[float]:
        found = self._try(
            lambda: self._redis.zrevrangebyscore(
                self._name(key), "+inf", f"({since!r}", start=0, num=limit, withscores=True
            )
        )
        return [at for _, at in found]

    def clear(self, key: bytes) -> None:
        self._try(lambda: self._redis.delete(self._name(key)))

    def _name(self, key: bytes) -> str:
        return f"{self._prefix}failures:{key.hex()}"
