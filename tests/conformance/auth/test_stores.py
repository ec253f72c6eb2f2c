"""Every store behind signing in keeps the same promises: in memory, in a file, in Redis."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.auth import (
    FailureStore,
    MemoryFailures,
    MemoryRevocations,
    RedisFailures,
    RedisRefreshStore,
    RedisRevocations,
    RefreshStore,
    RevocationStore,
    SqliteFailures,
    SqliteRefreshStore,
    SqliteRevocations,
)
from tests.conformance.auth.stores import FailureStoreSuite, Forward, RefreshStoreSuite, RevocationStoreSuite
from tests.support.clocks import HandClock


class TestMemoryRevocations(RevocationStoreSuite):
    @pytest.fixture
    def store(self, clock: HandClock) -> RevocationStore:
        return MemoryRevocations(clock)


class TestSqliteRevocations(RevocationStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path, clock: HandClock) -> RevocationStore:
        return SqliteRevocations(tmp_path / "auth.sqlite3", clock)


class TestMemoryFailures(FailureStoreSuite):
    @pytest.fixture
    def store(self) -> FailureStore:
        return MemoryFailures()


class TestSqliteFailures(FailureStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FailureStore:
        return SqliteFailures(tmp_path / "auth.sqlite3")


class TestSqliteRefreshStore(RefreshStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> RefreshStore:
        return SqliteRefreshStore(tmp_path / "auth.sqlite3")


@pytest.mark.redis
class InRedis:
    @pytest.fixture
    def prefix(self, redis_url: str) -> Iterator[str]:
        import redis

        prefix = f"decant-test-{secrets.token_hex(6)}:"
        yield prefix
        with redis.Redis.from_url(redis_url) as client:
            for key in client.scan_iter(f"{prefix}*"):
                assert client.ttl(key) > 0, f"{key!r} would stay for ever"
                client.delete(key)

    @pytest.fixture
    def forward(self, redis_url: str, prefix: str, clock: HandClock) -> Forward:
        """Return what lets seconds pass in Redis too: what is left of each key's life becomes shorter."""
        import redis

        def forward(seconds: float) -> None:
            clock.forward(seconds)
            with redis.Redis.from_url(redis_url) as client:
                for key in client.scan_iter(f"{prefix}*"):
                    client.pexpire(key, client.pttl(key) - int(seconds * 1000))

        return forward


class TestRedisRevocations(InRedis, RevocationStoreSuite):
    @pytest.fixture
    def store(self, redis_url: str, prefix: str, clock: HandClock) -> RevocationStore:
        return RedisRevocations(redis_url, prefix=prefix, clock=clock)


class TestRedisFailures(InRedis, FailureStoreSuite):
    @pytest.fixture
    def store(self, redis_url: str, prefix: str) -> FailureStore:
        return RedisFailures(redis_url, prefix=prefix)


class TestRedisRefreshStore(InRedis, RefreshStoreSuite):
    @pytest.fixture
    def store(self, redis_url: str, prefix: str) -> RefreshStore:
        return RedisRefreshStore(redis_url, prefix=prefix)
