from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.db import ModuleDatabase, create_infrastructure, default_url
from decant.sagas import SagaRunner
from tests.unit.sagas.shop import Base, World, participant


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[ModuleDatabase]:
    made = ModuleDatabase("orders", default_url(tmp_path, "orders"), strict=True)
    Base.metadata.create_all(made.engine)
    with made.engine.begin() as connection:
        create_infrastructure(connection, "orders")
    yield made
    made.close()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def runner(orders: ModuleDatabase, world: World) -> SagaRunner:
    return SagaRunner([participant(orders, world)])
