"""Refresh tokens in Redis, for several machines.

Three kinds of keys, each of which forgets itself when its family would have ended: a hash per token
(``refresh:<digest>``), a hash per family (``refresh-family:<family>``) and each user's families, sorted by their end
(``refresh-families:<subject>``). Every step is one script, which Redis runs undivided.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from decant.auth.redis_store import RedisStore
from decant.auth.refresh import RefreshEntry, RefreshStore

_ADD = """
redis.call('HSET', KEYS[1], 'family', ARGV[1], 'expires_at', ARGV[3], 'used', '0')
redis.call('HSET', KEYS[2], 'subject', ARGV[2], 'ends_at', ARGV[4], 'ended', '0')
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[3], math.max(redis.call('TTL', KEYS[3]), tonumber(ARGV[5])))
"""
_FIND = """
local token = redis.call('HMGET', KEYS[1], 'family', 'expires_at', 'used')
if not token[1] then return false end
local name = ARGV[1] .. token[1]
local family = redis.call('HMGET', name, 'subject', 'ends_at', 'ended')
if not family[1] then return false end
local entry = {token[1], family[1], token[2], family[2], token[3], family[3]}
"""
_EXCHANGE = f"""{_FIND}
if family[3] == '1' then return entry end
if token[3] == '1' then
    redis.call('HSET', name, 'ended', '1')
elseif tonumber(token[2]) > tonumber(ARGV[3]) then
    local expires_at = ARGV[2]
    if tonumber(family[2]) < tonumber(ARGV[2]) then expires_at = family[2] end
    redis.call('HSET', KEYS[1], 'used', '1')
    redis.call('HSET', KEYS[2], 'family', token[1], 'expires_at', expires_at, 'used', '0')
    redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', name), 1))
end
return entry
"""
_END_FAMILY = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'ended', '1') end
"""
_END_SUBJECT = """
local ended = {}
for _, family in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local name = ARGV[1] .. family
    if redis.call('HGET', name, 'ended') == '0' then
        redis.call('HSET', name, 'ended', '1')
        table.insert(ended, family)
    end
end
redis.call('DEL', KEYS[1])
return ended
"""


class RedisRefreshStore(RedisStore, RefreshStore):
    """Refresh tokens in Redis. One that evicts keys signs users out; it must not evict any (``noeviction``).

    It is made as :class:`~decant.auth.redis_store.RedisStore` is.

    Thread-safety: share it freely.
    """

    def add(self, entry: RefreshEntry, now: float) -> None:
        keys = (self._token(entry.digest), self._families + entry.family, self._subject(entry.subject))
        seconds = max(1, ceil(entry.family_ends_at - now))
        times = (repr(entry.expires_at), repr(entry.family_ends_at), str(seconds), repr(now))
        self._run(_ADD, keys, (entry.family, entry.subject, *times))

    def exchange(self, digest: bytes, successor: bytes, expires_at: float, now: float) -> RefreshEntry | None:
        keys = (self._token(digest), self._token(successor))
        return _entry(digest, self._run(_EXCHANGE, keys, (self._families, repr(expires_at), repr(now))))

    def end_family(self, family: str) -> None:
        self._run(_END_FAMILY, (self._families + family,), ())

    def end_subject(self, subject: str) -> Sequence[str]:
        return [family.decode() for family in self._run(_END_SUBJECT, (self._subject(subject),), (self._families,))]

    def find(self, digest: bytes) -> RefreshEntry | None:
        return _entry(digest, self._run(f"{_FIND} return entry", (self._token(digest),), (self._families,)))

    def _run(self, script: str, keys: tuple[str, ...], values: tuple[str, ...]) -> Any:
        return self._try(lambda: self._redis.eval(script, len(keys), *keys, *values))

    @property
    def _families(self) -> str:
        return f"{self._prefix}refresh-family:"

    def _token(self, digest: bytes) -> str:
        return f"{self._prefix}refresh:{digest.hex()}"

    def _subject(self, subject: str) -> str:
        return f"{self._prefix}refresh-families:{subject}"


def _entry(digest: bytes, found: list[bytes] | None) -> RefreshEntry | None:
    if not found:
        return None
    family, subject, expires_at, ends_at, used, ended = (value.decode() for value in found)
    return RefreshEntry(
        digest, family, subject, float(expires_at), float(ends_at), used=used == "1", ended=ended == "1"
    )
