"""The catalogue by itself: a service is made by hand, with a session."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from store.catalog import module
from store.catalog.api import Line, OutOfStock, ReservationDiffers, ReservationReleased, UnknownProduct
from store.catalog.models import Base, ProductRow, ReservationRow, ReservedRow
from store.catalog.seed import seed
from store.catalog.service import WELL_STOCKED, CatalogService

from decant import Paging
from decant.db import ModuleDatabase, assert_no_drift, assert_reversible
from decant.http.paging import CursorError, encode_cursor


def add(db: Session, key: str, stock: int = 20, name: str = "", description: str = "", category: str = "books") -> None:
    position = (db.scalar(select(func.max(ProductRow.position))) or 0) + 1
    row = ProductRow(id=key, position=position, category=category, art="book", price_cents=1500, stock=stock)
    row.name, row.description = name or f"Book {key}", description
    db.add(row)
    db.commit()


@pytest.fixture
def db(catalog_db: Session) -> Session:
    for key in ("p1", "p2", "p3"):
        add(catalog_db, key, stock=10)
    return catalog_db


@pytest.fixture
def catalog(db: Session) -> CatalogService:
    return CatalogService(db)


@pytest.fixture
def seeded(catalog_db: Session) -> CatalogService:
    seed(catalog_db)
    return CatalogService(catalog_db)


def stock(db: Session) -> dict[str, int]:
    rows = db.execute(select(ProductRow.id, ProductRow.stock).order_by(ProductRow.id)).all()
    return {row.id: row.stock for row in rows}


def found(catalog: CatalogService, **asked: str) -> list[str]:
    return [product.id for product in catalog.list_products(Paging(limit=100), **asked).items]


# --- what is there ----------------------------------------------------------------------------------------------------


def test_the_seed_has_one_product_with_fewer_than_ten_left(seeded: CatalogService) -> None:
    products = seeded.list_products(Paging(limit=100)).items
    assert len(products) == 24
    assert [product.id for product in products if product.stock < 10] == ["p7"]
    assert (products[0].id, products[0].category, products[0].price_cents) == ("p1", "books", 1500)
    assert all(product.art and product.description for product in products)


def test_a_second_seed_changes_nothing(seeded: CatalogService) -> None:
    seeded.set_stock("p1", 3)
    seeded.db.commit()
    seed(seeded.db)
    assert seeded.get_product("p1").stock == 3


def test_the_categories_are_listed(seeded: CatalogService) -> None:
    assert seeded.list_categories() == ["books", "coffee & tea", "home", "stationery"]


def test_an_unknown_product_is_told_with_its_id(catalog: CatalogService) -> None:
    with pytest.raises(UnknownProduct, match="p99"):
        catalog.get_product("p99")


def test_products_come_in_the_order_of_their_ids_without_unknown_ones(catalog: CatalogService) -> None:
    assert [product.id for product in catalog.get_products(["p3", "p99", "p1", "p3"])] == ["p3", "p1"]
    assert catalog.get_products([]) == []


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("CAFÉ", ["p19"]),
        ("cafe", ["p19"]),
        ("mug enamel", ["p19"]),
        ("enamel  MUG ", ["p19"]),
        ("mug tea watch", ["p8"]),
        ("50 ×", ["p22"]),
        ("%", []),
        ("_", []),
        ("/", []),
        ("\\", []),
        ("'", []),
    ],
)
def test_a_search_finds_every_word_in_name_or_description(seeded: CatalogService, q: str, expected: list[str]) -> None:
    assert found(seeded, q=q) == expected


@pytest.mark.parametrize("q", ["", "   "])
def test_a_search_for_nothing_finds_all(seeded: CatalogService, q: str) -> None:
    assert len(found(seeded, q=q)) == 24


def test_wildcards_are_letters_like_others(db: Session, catalog: CatalogService) -> None:
    add(db, "p4", name="Wool, 100 %")
    add(db, "p5", name="snake_case")
    assert found(catalog, q="100 %") == ["p4"]
    assert found(catalog, q="%") == ["p4"]
    assert found(catalog, q="e_c") == ["p5"]


def test_a_category_and_a_search_both_hold(seeded: CatalogService) -> None:
    assert found(seeded, category="stationery", q="logbook") == ["p9", "p10"]
    assert found(seeded, category="Stationery") == []


def test_what_is_well_stocked_comes_first_and_what_is_sold_out_last(db: Session, catalog: CatalogService) -> None:
    catalog.set_stock("p1", 0)
    catalog.set_stock("p2", WELL_STOCKED - 1)
    assert found(catalog) == ["p3", "p2", "p1"]


def test_pages_hold_every_product_once(seeded: CatalogService) -> None:
    seen: list[str] = []
    paging = Paging(limit=5)
    while True:
        page = seeded.list_products(paging)
        seen += [product.id for product in page.items]
        if page.next is None:
            break
        paging = Paging(limit=5, cursor=page.next)
    assert sorted(seen) == sorted(f"p{number}" for number in range(1, 25))
    assert seen == found(seeded)


def test_selling_between_two_pages_skips_and_repeats_nothing_that_stays_in_its_place(seeded: CatalogService) -> None:
    first = seeded.list_products(Paging(limit=12))
    seeded.reserve("order-1", [Line(product_id="p1", qty=99)])
    seeded.set_stock("p2", 0)
    second = seeded.list_products(Paging(limit=100, cursor=first.next))
    shown = [product.id for page in (first, second) for product in page.items if product.id != "p2"]
    assert sorted(shown) == sorted(f"p{number}" for number in range(1, 25) if number != 2)


@pytest.mark.parametrize("position", [[3, 1], [0, -1], [0, 2**31], [0, 10**30], ["0", 1], [0], "p1", None])
def test_a_cursor_that_nobody_gave_out_leads_nowhere(catalog: CatalogService, position: object) -> None:
    with pytest.raises(CursorError):
        catalog.list_products(Paging(cursor=encode_cursor(position)))


# --- reservations -----------------------------------------------------------------------------------------------------


def lines(**wanted: int) -> list[Line]:
    return [Line(product_id=key, qty=qty) for key, qty in wanted.items()]


def test_a_reservation_takes_all_of_its_lines(db: Session, catalog: CatalogService) -> None:
    reservation = catalog.reserve("order-1", lines(p2=3, p1=10))
    assert (reservation.order_id, reservation.lines) == ("order-1", lines(p1=10, p2=3))
    assert stock(db) == {"p1": 0, "p2": 7, "p3": 10}


def test_lines_of_the_same_product_add_up(db: Session, catalog: CatalogService) -> None:
    catalog.reserve("order-1", [*lines(p1=4), *lines(p1=5)])
    assert stock(db)["p1"] == 1


def test_one_line_too_many_takes_nothing(db: Session, catalog: CatalogService) -> None:
    with pytest.raises(OutOfStock) as caught:
        catalog.reserve("order-1", lines(p1=1, p2=11, p3=1))
    db.rollback()
    assert (caught.value.product_id, caught.value.left) == ("p2", 10)
    assert caught.value.detail == "There are only 10 left of p2."
    assert stock(db) == {"p1": 10, "p2": 10, "p3": 10}
    catalog.reserve("order-1", lines(p1=1))


def test_an_unknown_line_takes_nothing(db: Session, catalog: CatalogService) -> None:
    with pytest.raises(UnknownProduct):
        catalog.reserve("order-1", lines(p1=1, p99=1))
    db.rollback()
    assert stock(db)["p1"] == 10


def test_reserving_again_answers_the_same_and_takes_nothing_more(db: Session, catalog: CatalogService) -> None:
    first = catalog.reserve("order-1", lines(p1=2, p2=1))
    db.commit()
    assert catalog.reserve("order-1", lines(p2=1, p1=2)) == first
    assert stock(db)["p1"] == 8


def test_other_lines_for_the_same_order_are_refused(db: Session, catalog: CatalogService) -> None:
    catalog.reserve("order-1", lines(p1=2))
    db.commit()
    with pytest.raises(ReservationDiffers):
        catalog.reserve("order-1", lines(p1=3))


def test_a_release_puts_everything_back_once(db: Session, catalog: CatalogService) -> None:
    catalog.reserve("order-1", lines(p1=2, p2=1))
    for _ in range(2):
        catalog.release("order-1")
        db.commit()
        assert stock(db) == {"p1": 10, "p2": 10, "p3": 10}


def test_nothing_is_reserved_after_a_release(db: Session, catalog: CatalogService) -> None:
    catalog.reserve("order-1", lines(p1=2))
    db.commit()
    catalog.release("order-1")
    db.commit()
    with pytest.raises(ReservationReleased):
        catalog.reserve("order-1", lines(p1=2))
    assert stock(db)["p1"] == 10


def test_a_release_that_overtakes_its_reservation_wins(db: Session, catalog: CatalogService) -> None:
    catalog.release("order-1")
    db.commit()
    with pytest.raises(ReservationReleased):
        catalog.reserve("order-1", lines(p1=2))
    assert stock(db)["p1"] == 10


def test_the_database_takes_no_negative_stock(db: Session) -> None:
    db.get_one(ProductRow, "p1").stock = -1
    with pytest.raises(IntegrityError, match="CHECK"):
        db.flush()


PRODUCTS = st.sampled_from(["p1", "p2", "p3"])
ORDERS = st.sampled_from(["a", "b", "c", "d"])
WANTED = st.dictionaries(PRODUCTS, st.integers(1, 7), min_size=1)


class Stock(RuleBasedStateMachine):
    """Orders come, come again and are released, in any order; a model says what each ought to be told."""

    def __init__(self) -> None:
        super().__init__()
        self.database = ModuleDatabase("catalog", "sqlite://")
        Base.metadata.create_all(self.database.engine)
        with self.database.transaction() as db:
            for key in ("p1", "p2", "p3"):
                add(db, key, stock=10)
        self.left = {"p1": 10, "p2": 10, "p3": 10}
        self.held: dict[str, dict[str, int]] = {}
        self.released: set[str] = set()

    def teardown(self) -> None:
        self.database.close()

    @rule(order=ORDERS, wanted=WANTED)
    def reserve(self, order: str, wanted: dict[str, int]) -> None:
        assert self.told(order, wanted) == self.expected(order, wanted)

    def told(self, order: str, wanted: dict[str, int]) -> object:
        try:
            with self.database.transaction() as db:
                CatalogService(db).reserve(order, lines(**wanted))
        except OutOfStock as error:
            return (error.product_id, error.left)
        except (ReservationReleased, ReservationDiffers) as error:
            return type(error)
        return "reserved"

    def expected(self, order: str, wanted: dict[str, int]) -> object:
        if order in self.released:
            return ReservationReleased
        if order in self.held:
            return "reserved" if self.held[order] == wanted else ReservationDiffers
        for key in sorted(wanted):
            if self.left[key] < wanted[key]:
                return (key, self.left[key])
        self.held[order] = wanted
        for key, qty in wanted.items():
            self.left[key] -= qty
        return "reserved"

    @rule(order=ORDERS)
    def release(self, order: str) -> None:
        with self.database.transaction() as db:
            CatalogService(db).release(order)
        for key, qty in self.held.pop(order, {}).items():
            self.left[key] += qty
        self.released.add(order)

    @invariant()
    def nothing_is_lost_or_sold_twice(self) -> None:
        with self.database.transaction() as db:
            assert stock(db) == self.left
            kept = select(func.coalesce(func.sum(ReservedRow.qty), 0)).join(
                ReservationRow, ReservationRow.order_id == ReservedRow.order_id
            )
            assert sum(self.left.values()) + (db.scalar(kept.where(~ReservationRow.released)) or 0) == 30


TestStock = Stock.TestCase
TestStock.settings = settings(max_examples=60, stateful_step_count=30)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_revisions_lead_to_the_models() -> None:
    assert_no_drift(module)


def test_every_revision_goes_back() -> None:
    assert_reversible(module)
