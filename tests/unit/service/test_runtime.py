"""What a service holds while it runs: databases, clients, seeds; nothing begins by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decant import Contract, create_app, get
from decant.errors import SetupError
from decant.service import Runtime, runtime_of

Shop = Callable[..., Path]
MODELS = """
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    from decant.db import ModuleBase


    class Base(ModuleBase, DeclarativeBase, module="catalog"):
        pass


    class Row(Base):
        __tablename__ = "catalog_row"

        id: Mapped[int] = mapped_column(primary_key=True)
"""
REVISION = """
    import sqlalchemy as sa
    from alembic import op

    revision = "0001"
    down_revision = None


    def upgrade() -> None:
        op.create_table("catalog_row", sa.Column("id", sa.Integer(), primary_key=True))


    def downgrade() -> None:
        op.drop_table("catalog_row")
"""
SEED = """
    from sqlalchemy.orm import Session

    from shop.catalog.models import Row


    def seed(db: Session) -> None:
        if db.get(Row, 1) is None:
            db.add(Row(id=1))
"""
TABLES = {"catalog/models.py": MODELS, "catalog/migrations/0001.py": REVISION, "catalog/seed.py": SEED}
SETTINGS = """
    from decant.settings import Settings


    class CatalogSettings(Settings):
        discount: int = 0
"""
DISCOUNTED = """
    from shop.catalog.api import Catalog, Product
    from shop.catalog.settings import CatalogSettings


    class CatalogService(Catalog):
        def __init__(self, settings: CatalogSettings) -> None:
            self.settings = settings

        def get_product(self, product_id: str) -> Product:
            return Product(id=product_id, price_cents=1500 - self.settings.discount)

        def stock(self) -> int:
            return 3
"""


@pytest.fixture
def runtime(shop: Shop) -> Any:
    made = runtime_of(create_app(config=shop(TABLES), environ={}))
    yield made
    made.stop(1)


def test_making_an_application_starts_nothing_and_opens_no_database(shop: Shop, tmp_path: Path) -> None:
    before = threading.active_count()
    create_app(config=shop(TABLES), environ={})
    assert threading.active_count() == before
    assert list((tmp_path / ".decant").glob("*.sqlite3")) == []


def test_migrating_names_the_revision_of_each_module_with_tables(runtime: Runtime) -> None:
    assert runtime.migrate() == {"catalog": "0001"}
    assert runtime.migrate() == {"catalog": "0001"}


def test_seeding_twice_adds_once_and_names_who_has_a_seed(runtime: Runtime) -> None:
    runtime.migrate()
    assert [runtime.seed(), runtime.seed()] == [("catalog",), ("catalog",)]
    with runtime.databases["catalog"].engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM catalog_row").scalar() == 1


def test_a_service_is_ready_once_its_database_was_migrated(shop: Shop) -> None:
    app = create_app(config=shop(TABLES), environ={})
    runtime = runtime_of(app)
    assert app.test_client().get("/health/live").status_code == 200
    assert app.test_client().get("/health/ready").status_code == 503
    assert app.test_client().get("/health").json["services"]["catalog"] is False
    runtime.stop(1)

    migrated = create_app(config=shop(TABLES), environ={})
    runtime_of(migrated).migrate()
    assert migrated.test_client().get("/health/ready").status_code == 200
    assert migrated.test_client().get("/health").json["services"] == {"cart": True, "catalog": True, "web": True}
    runtime_of(migrated).stop(1)


def test_the_log_says_how_to_migrate(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(config=shop(TABLES), environ={})
    app.test_client().get("/health/ready")
    assert "decant db upgrade" in caplog.text
    runtime_of(app).stop(1)


def test_stopping_without_having_started_is_no_error_and_can_be_repeated(runtime: Runtime) -> None:
    runtime.stop(1)
    runtime.stop(1)


def test_a_client_is_found_by_its_contract_wherever_its_module_runs(shop: Shop) -> None:
    from importlib import import_module

    config = shop()
    for service, topology in (("*", "monolith"), ("cart", "services")):
        runtime = runtime_of(create_app(service, topology, config, environ={}))
        catalog = import_module("shop.catalog.api").Catalog
        assert isinstance(runtime.client(catalog), catalog)


class Stranger(Contract, module="stranger"):
    @get("/stranger")
    def hello(self) -> str: ...


def test_a_contract_of_nobody_has_no_client(shop: Shop) -> None:
    runtime = runtime_of(create_app(config=shop(), environ={}))
    with pytest.raises(SetupError, match="declares Stranger") as caught:
        runtime.client(Stranger)
    assert "Cart, Catalog" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("environ", "toml", "price"),
    [({}, "", 1500), ({}, "\n[settings.catalog]\ndiscount = 100\n", 1400), ({"CATALOG_DISCOUNT": "200"}, "", 1300)],
)
def test_a_service_asks_for_its_modules_settings_by_type(
    shop: Shop, environ: dict[str, str], toml: str, price: int
) -> None:
    config = shop({"catalog/settings.py": SETTINGS, "catalog/service.py": DISCOUNTED})
    config.write_text(config.read_text() + toml)
    app = create_app(config=config, environ=environ)
    assert app.test_client().get("/api/products/p1").json["price_cents"] == price


def test_settings_of_another_module_are_not_to_be_had(shop: Shop) -> None:
    spy = """
        from shop.cart.api import Cart
        from shop.catalog.api import Product
        from shop.catalog.settings import CatalogSettings


        class CartService(Cart):
            def __init__(self, settings: CatalogSettings) -> None: ...

            def show(self) -> list[Product]:
                return []
    """
    with pytest.raises(SetupError, match="CartService: nothing provides its parameter `settings"):
        create_app(config=shop({"catalog/settings.py": SETTINGS, "cart/service.py": spy}), environ={})


def test_what_a_module_provides_is_injected_into_its_own_services(shop: Shop) -> None:
    init = """
        from decant import Module


        class Greeter:
            def greet(self) -> int:
                return 7


        module = Module(__name__)
        module.provide(Greeter, lambda scope: Greeter())
    """
    service = """
        from shop.catalog import Greeter
        from shop.catalog.api import Catalog, Product


        class CatalogService(Catalog):
            def __init__(self, greeter: Greeter) -> None:
                self.greeter = greeter

            def get_product(self, product_id: str) -> Product:
                return Product(id=product_id, price_cents=self.greeter.greet())

            def stock(self) -> int:
                return 0
    """
    app = create_app(config=shop({"catalog/__init__.py": init, "catalog/service.py": service}), environ={})
    assert app.test_client().get("/api/products/p1").json["price_cents"] == 7


def test_a_contract_that_is_implemented_twice_is_refused(shop: Shop) -> None:
    twice = """
        from shop.catalog.api import Catalog, Product


        class One(Catalog):
            def get_product(self, product_id: str) -> Product:
                return Product(id=product_id, price_cents=1)

            def stock(self) -> int:
                return 0


        class Two(One):
            pass
    """
    with pytest.raises(SetupError, match="implements Catalog twice: One and Two"):
        create_app(config=shop({"catalog/service.py": twice}), environ={})


def test_a_contract_that_nobody_implements_is_refused_with_what_to_write(shop: Shop) -> None:
    with pytest.raises(SetupError, match="declares Catalog, and no service implements it") as caught:
        create_app(config=shop({"catalog/service.py": ""}), environ={})
    assert "class CatalogService(Catalog)" in str(caught.value.hint)
