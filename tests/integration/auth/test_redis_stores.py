"""The stores in a Redis that is shared, down, or none; what each promises is in tests/conformance/auth."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from decant.auth import RedisFailures, RedisRefreshStore, RedisRevocations, RefreshEntry
from decant.errors import SetupError, Unavailable

KINDS = [RedisRevocations, RedisFailures, RedisRefreshStore]
DOWN = "redis://:hunter2@127.0.0.1:1/0"


@pytest.mark.redis
def test_another_process_sees_a_revocation_at_once(redis_url: str) -> None:
    prefix = f"decant-test-{secrets.token_hex(6)}:"
    one, other = (RedisRevocations(redis_url, prefix=prefix) for _ in range(2))
    one.revoke("t1", time.time() + 5)  # it forgets itself soon after the test
    assert other.is_revoked(["t1"])
    one.close()
    other.close()


@pytest.mark.redis
def test_what_is_kept_of_a_user_does_not_grow_with_every_sign_in(redis_url: str) -> None:
    store = RedisRefreshStore(redis_url, prefix=f"decant-test-{secrets.token_hex(6)}:")
    now = time.time()
    store.add(RefreshEntry(b"1", "over", "ada", now - 1, now - 1), now - 2)
    store.add(RefreshEntry(b"2", "open", "ada", now + 5, now + 5), now)
    store.add(RefreshEntry(b"3", "newest", "ada", now + 5, now + 5), now)
    assert store._redis.zrange(store._subject("ada"), 0, -1) == [b"newest", b"open"]
    assert sorted(store.end_subject("ada")) == ["newest", "open"]
    store.close()


def calls() -> dict[str, Callable[[Any], object]]:
    entry = RefreshEntry(b"x", "f1", "ada", 1.0, 2.0)
    return {
        "RedisRevocations.revoke": lambda store: store.revoke("t1", time.time() + 60),
        "RedisRevocations.revoke_before": lambda store: store.revoke_before("ada", 5, time.time() + 60),
        "RedisRevocations.is_revoked": lambda store: store.is_revoked(["t1"]),
        "RedisRevocations.issued_before": lambda store: store.issued_before("ada"),
        "RedisFailures.add": lambda store: store.add([b"ada"], 1.0, 0.0),
        "RedisFailures.recent": lambda store: store.recent(b"ada", 0.0, 10),
        "RedisFailures.clear": lambda store: store.clear(b"ada"),
        "RedisRefreshStore.add": lambda store: store.add(entry, 1.0),
        "RedisRefreshStore.exchange": lambda store: store.exchange(b"x", b"y", 1.0, 1.0),
        "RedisRefreshStore.end_family": lambda store: store.end_family("f1"),
        "RedisRefreshStore.end_subject": lambda store: store.end_subject("ada"),
        "RedisRefreshStore.find": lambda store: store.find(b"x"),
    }


@pytest.mark.parametrize("name", calls())
def test_a_redis_that_is_down_is_said_so_at_once(name: str) -> None:
    kind = {each.__name__: each for each in KINDS}[name.partition(".")[0]]
    store = kind(DOWN)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        calls()[name](store)
    assert time.monotonic() - started < 2
    assert caught.value.headers() == {"Retry-After": "1"}
    assert "hunter2" not in str(caught.value)
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_of_something_else_is_refused(kind: Callable[[str], object]) -> None:
    with pytest.raises(SetupError, match="REDIS_URL") as caught:
        kind("http://:hunter2@127.0.0.1")
    assert "hunter2" not in str(caught.value)
