"""Wherever carts are kept, the same holds: three databases, and Redis."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from store.cart import module
from store.cart.api import Cart, NewItem
from store.cart.keeping import Carts, DatabaseCarts, Lines, RedisCarts, redis_at
from store.cart.models import Base, CartRow
from store.cart.service import merge_lines

from decant.clock import SystemClock
from decant.context import idempotency_key
from decant.db import ModuleDatabase, assert_no_drift, assert_reversible
from decant.errors import Unavailable
from tests.acceptance.running import free_port
from tests.integration.store.conftest import SERVERS
from tests.support.clocks import HandClock

Opened = Callable[[], Any]
STORES = [*SERVERS, pytest.param("redis", marks=pytest.mark.redis)]
THREADS = 8
CLOCK = SystemClock()


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Return what opens the carts for one call, and commits at its end."""
    if request.param == "redis":
        carts = RedisCarts(redis_at(request.getfixturevalue("redis_url")), f"test-{secrets.token_hex(4)}:")

        @contextmanager
        def in_redis() -> Iterator[Carts]:
            yield carts

        yield in_redis
        for key in carts.redis.scan_iter(f"{carts.prefix}*"):
            carts.redis.delete(key)
        return
    sqlite = f"sqlite:///{tmp_path / 'cart.sqlite3'}"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_url")
    database = ModuleDatabase("cart", url)
    Base.metadata.create_all(database.engine)

    @contextmanager
    def in_database() -> Iterator[Carts]:
        with database.transaction() as db:
            yield DatabaseCarts(db, CLOCK)

    yield in_database
    database.close()


def put(opened: Opened, owner: str, product_id: str, qty: int) -> Lines:
    with opened() as carts:
        lines: Lines = carts.change(owner, lambda lines: lines.update({product_id: lines.get(product_id, 0) + qty}))
    return lines


def read(opened: Opened, owner: str) -> Lines:
    with opened() as carts:
        lines: Lines = carts.read(owner)
    return lines


def test_a_cart_that_nobody_has_written_is_empty(opened: Opened) -> None:
    assert read(opened, "ada") == {}


def test_lines_stay_in_the_order_in_which_they_came(opened: Opened) -> None:
    for product_id in ("p9", "p1", "p5", "p9"):
        changed = put(opened, "ada", product_id, 1)
    assert list(changed.items()) == list(read(opened, "ada").items()) == [("p9", 2), ("p1", 1), ("p5", 1)]


def test_owners_are_told_apart_letter_by_letter(opened: Opened) -> None:
    put(opened, "guest-a", "p1", 1)
    assert read(opened, "guest-A") == {}


def test_a_change_that_fails_changes_nothing(opened: Opened) -> None:
    put(opened, "ada", "p1", 1)

    def fail(lines: Lines) -> None:
        lines.clear()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), opened() as carts:
        carts.change("ada", fail)
    assert read(opened, "ada") == {"p1": 1}


def test_an_emptied_cart_is_empty(opened: Opened) -> None:
    put(opened, "ada", "p1", 1)
    with opened() as carts:
        carts.change("ada", Lines.clear)
    assert read(opened, "ada") == {}


def test_a_move_leaves_nothing_behind_and_is_nothing_the_second_time(opened: Opened) -> None:
    put(opened, "ada", "p1", 60)
    put(opened, "guest-1", "p2", 1)
    put(opened, "guest-1", "p1", 60)
    for _ in range(2):
        with opened() as carts:
            carts.move("guest-1", "ada", merge_lines)
        assert list(read(opened, "ada").items()) == [("p1", 99), ("p2", 1)]
        assert read(opened, "guest-1") == {}


def test_of_changes_at_the_same_time_none_is_lost_also_the_first_ones(opened: Opened) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: put(opened, "ada", f"p{number % 2}", 1), range(4 * THREADS)))
    assert read(opened, "ada") == {"p0": 2 * THREADS, "p1": 2 * THREADS}


def test_moves_at_the_same_time_add_a_guests_lines_once(opened: Opened) -> None:
    put(opened, "guest-1", "p1", 3)
    put(opened, "ada", "p2", 1)

    def move(_: int) -> None:
        with opened() as carts:
            carts.move("guest-1", "ada", merge_lines)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(move, range(THREADS)))
    assert read(opened, "ada") == {"p2": 1, "p1": 3}


def test_carts_of_guests_who_have_long_gone_are_forgotten_when_a_new_one_comes(database_url: str) -> None:
    database = ModuleDatabase("cart", database_url)
    Base.metadata.create_all(database.engine)
    clock = HandClock()

    def visit(owner: str) -> list[str]:
        with database.transaction() as db:
            DatabaseCarts(db, clock).change(owner, lambda lines: lines.update({"p1": 1}))
            return sorted(db.scalars(select(CartRow.owner)))

    for owner in ("ada", "guest-1", "guest-2"):
        visit(owner)
    clock.time += timedelta(days=20)
    visit("guest-2")
    clock.time += timedelta(days=11)
    assert visit("guest-3") == ["ada", "guest-2", "guest-3"]
    database.close()


@pytest.mark.redis
def test_a_guests_cart_ends_by_itself_in_redis_and_a_users_does_not(redis_url: str) -> None:
    carts = RedisCarts(redis_at(redis_url), f"test-{secrets.token_hex(4)}:")
    for owner, ends in (("guest-1", True), ("ada", False)):
        carts.change(owner, lambda lines: lines.update({"p1": 1}))
        assert (carts.redis.ttl(carts.prefix + owner) > 0) is ends
        carts.redis.delete(carts.prefix + owner)


# --- the module with its settings -------------------------------------------------------------------------------------


@pytest.mark.redis
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_setting_moves_the_carts_into_redis(open_shop: Any, redis_url: str) -> None:
    prefix = f"test-{secrets.token_hex(4)}:"
    cart = open_shop(CART_REDIS_URL=redis_url, CART_REDIS_PREFIX=prefix).client(Cart)
    cart.add_to("ada", NewItem(product_id="p1", qty=2))
    assert cart.get("ada").total_cents == 3000
    redis = redis_at(redis_url)
    assert redis.exists(f"{prefix}ada")
    assert open_shop().client(Cart).get("ada").items == []
    cart.clear("ada")
    assert not redis.exists(f"{prefix}ada")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_its_redis_a_cart_says_at_once_that_it_cannot_answer(open_shop: Any) -> None:
    cart = open_shop(CART_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0").client(Cart)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        cart.get("ada")
    assert time.monotonic() - began < 2


def test_an_item_that_is_added_twice_with_one_key_is_added_once(open_shop: Any) -> None:
    cart = open_shop().client(Cart)
    answers = []
    for _ in range(2):
        with idempotency_key("one-click"):
            answers.append(cart.add_to("ada", NewItem(product_id="p1", qty=2)))
    assert answers[0] == answers[1] == cart.get("ada")


def test_the_revisions_lead_to_the_models(database_url: str) -> None:
    assert_no_drift(module, database_url)


def test_every_revision_goes_back(database_url: str) -> None:
    assert_reversible(module, database_url)
