"""Revocations in a real Redis: the promises of every store, and what happens without it."""

import secrets
import time
from collections.abc import Iterator

import pytest

from decant.auth import RedisRevocations
from decant.errors import SetupError, Unavailable
from tests.support.waiting import wait_until


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisRevocations]:
    prefix = f"decant-test-{secrets.token_hex(6)}:"
    store = RedisRevocations(redis_url, prefix=prefix)
    yield store
    for key in store._redis.scan_iter(f"{prefix}*"):
        store._redis.delete(key)
    store.close()


@pytest.mark.redis
def test_nothing_is_revoked_at_first(store: RedisRevocations) -> None:
    assert not store.is_revoked(["t1", "s1"])
    assert store.issued_before("ada") == 0


@pytest.mark.redis
def test_a_revoked_token_is_known_and_others_are_not_touched(store: RedisRevocations) -> None:
    store.revoke("t1", time.time() + 60)
    assert store.is_revoked(["t2", "t1"])
    assert not store.is_revoked(["t2"])


@pytest.mark.redis
def test_revoking_twice_is_revoking_once_for_the_longer_time(store: RedisRevocations) -> None:
    store.revoke("t1", time.time() + 60)
    store.revoke("t1", time.time() + 1)
    assert store._redis.ttl(store._id("t1")) > 30


@pytest.mark.redis
def test_an_entry_forgets_itself(store: RedisRevocations) -> None:
    store.revoke("t1", time.time() + 1)
    store.revoke("t2", time.time() - 5)
    assert store.is_revoked(["t1"])
    assert not store.is_revoked(["t2"])
    wait_until(lambda: not store.is_revoked(["t1"]), within_s=5, what="the entry to be forgotten")


@pytest.mark.redis
def test_the_later_moment_counts(store: RedisRevocations) -> None:
    store.revoke_before("ada", 1_767_322_845, time.time() + 60)
    store.revoke_before("ada", 100, time.time() + 30)
    assert (store.issued_before("ada"), store.issued_before("bob")) == (1_767_322_845, 0)
    assert store._redis.ttl(store._subject("ada")) > 30


@pytest.mark.redis
def test_another_process_sees_it_at_once(store: RedisRevocations, redis_url: str) -> None:
    other = RedisRevocations(redis_url, prefix=store._prefix)
    store.revoke("t1", time.time() + 60)
    assert other.is_revoked(["t1"])
    other.close()


def test_a_redis_that_is_down_is_said_so_at_once() -> None:
    store = RedisRevocations("redis://:hunter2@127.0.0.1:1/0")
    started = time.monotonic()
    for call in (
        lambda: store.is_revoked(["t1"]),
        lambda: store.issued_before("ada"),
        lambda: store.revoke("t1", time.time() + 60),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.headers() == {"Retry-After": "1"}
        assert "hunter2" not in str(caught.value)
    store.close()
    assert time.monotonic() - started < 2


def test_an_address_of_something_else_is_refused() -> None:
    with pytest.raises(SetupError, match="REDIS_URL"):
        RedisRevocations("http://:hunter2@127.0.0.1")
