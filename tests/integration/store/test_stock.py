"""The catalogue's stock on three databases: races for the last ones, rings of orders, releases that come with them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from store.catalog import module
from store.catalog.api import Catalog, Line, OutOfStock, Reservation, ReservationReleased, UnknownProduct

from decant import Paging
from decant.db import assert_no_drift, assert_reversible

THREADS = 50


@pytest.fixture
def catalog(open_shop: Any) -> Catalog:
    client: Catalog = open_shop().client(Catalog)
    return client


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Return what each of so many simultaneous calls answered or raised."""
    start = Barrier(count)

    def run(number: int) -> Any:
        start.wait(10)
        try:
            return call(number)
        except (OutOfStock, ReservationReleased) as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def lines(**wanted: int) -> list[Line]:
    return [Line(product_id=key, qty=qty) for key, qty in wanted.items()]


def test_in_a_race_for_the_last_ones_exactly_what_is_there_is_sold(catalog: Catalog) -> None:
    answers = at_once(THREADS, lambda number: catalog.reserve(f"order-{number}", lines(p7=1)))
    assert Counter(type(answer) for answer in answers) == {Reservation: 7, OutOfStock: THREADS - 7}
    assert {answer.left for answer in answers if isinstance(answer, OutOfStock)} == {0}
    assert catalog.get_product("p7").stock == 0


def test_of_an_order_that_is_reserved_many_times_at_once_one_is_taken(catalog: Catalog) -> None:
    answers = at_once(8, lambda number: catalog.reserve("order-1", lines(p7=3)))
    assert answers == [Reservation(order_id="order-1", lines=lines(p7=3))] * 8
    assert catalog.get_product("p7").stock == 4


def test_an_order_that_is_released_many_times_at_once_comes_back_once(catalog: Catalog) -> None:
    catalog.reserve("order-1", lines(p7=3, p8=1))
    at_once(8, lambda number: catalog.release("order-1"))
    assert catalog.get_product("p7").stock == 7


def test_a_reservation_and_its_release_at_the_same_time_leave_nothing_taken(catalog: Catalog) -> None:
    def either(number: int) -> Any:
        return catalog.release("order-1") if number % 2 else catalog.reserve("order-1", lines(p7=3))

    at_once(8, either)
    assert catalog.get_product("p7").stock == 7
    with pytest.raises(ReservationReleased):
        catalog.reserve("order-1", lines(p7=3))


def test_orders_that_want_the_same_products_in_any_order_never_block_each_other_for_good(catalog: Catalog) -> None:
    chosen = random.Random(7)
    wanted = [
        lines(**{key: chosen.randint(1, 3) for key in chosen.sample(["p5", "p6", "p8", "p10"], 3)}) for _ in range(24)
    ]
    before = {key: catalog.get_product(key).stock for key in ("p5", "p6", "p8", "p10")}

    def order(number: int) -> Any:
        reservation = catalog.reserve(f"order-{number}", wanted[number])
        if number % 3 == 0:
            catalog.release(f"order-{number}")
        return reservation

    answers = at_once(24, order)
    assert all(isinstance(answer, Reservation) for answer in answers)
    taken: Counter[str] = Counter()
    for number, answer in enumerate(answers):
        if number % 3:
            taken.update({line.product_id: line.qty for line in answer.lines})
    assert {key: catalog.get_product(key).stock + taken[key] for key in before} == before


def test_searches_and_pages_are_alike_on_every_database(catalog: Catalog) -> None:
    assert [product.id for product in catalog.list_products(Paging(), q="CAFE enamel").items] == ["p19"]
    assert [product.id for product in catalog.list_products(Paging(), q="50 ×").items] == ["p22"]
    for q in ("%", "_", "/", "\\", "'", "50 %"):
        assert catalog.list_products(Paging(), q=q).items == []
    assert catalog.list_products(Paging(), category="BOOKS").items == []
    shown: list[str] = []
    paging = Paging(limit=7)
    while True:
        page = catalog.list_products(paging)
        shown += [product.id for product in page.items]
        if page.next is None:
            break
        paging = Paging(limit=7, cursor=page.next)
    assert shown == [f"p{number}" for number in (*range(1, 7), *range(8, 25), 7)]


@pytest.mark.parametrize("product_id", ["P1", "p1 ", "p\u00ed1", "%"])
def test_an_id_is_taken_letter_by_letter(catalog: Catalog, product_id: str) -> None:
    with pytest.raises(UnknownProduct):
        catalog.get_product(product_id)
    assert catalog.get_products([product_id]) == []


def test_the_revisions_lead_to_the_models_and_back(database_url: str) -> None:
    assert_no_drift(module, database_url)


def test_every_revision_goes_back(database_url: str) -> None:
    assert_reversible(module, database_url)
