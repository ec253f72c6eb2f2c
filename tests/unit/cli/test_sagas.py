"""What ``decant sagas`` shows and does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from decant.cli.main import run
from decant.db import create_infrastructure
from decant.service import Runtime, create_app, runtime_of
from tests.support.checkout_shop import write_checkout_shop

Shown = pytest.CaptureFixture[str]


@pytest.fixture
def package(tmp_path: Path) -> str:
    return f"checkout_{tmp_path.name}"


@pytest.fixture
def shop(tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("DATABASE_URL", "DECANT_TOPOLOGY", "DECANT_CONFIG", "DECANT_ENV"):
        monkeypatch.delenv(name, raising=False)
    write_checkout_shop(tmp_path, package)
    runtime = runtime_of(create_app())
    with runtime.databases["orders"].engine.begin() as connection:
        import_module(f"{package}.orders.models").Base.metadata.create_all(connection)
        create_infrastructure(connection, "orders")
    yield runtime
    runtime.stop(1)


def place(shop: Runtime, order_id: str, method: str) -> str:
    """Place an order and let everything happen; return its status."""
    orders = shop.client(import_module(f"{shop.name}.orders.api").Orders)
    orders.place(order_id, method)
    carry_on(shop)
    return orders.status(order_id)


def carry_on(shop: Runtime) -> None:
    assert shop.events is not None
    assert shop.sagas is not None
    while shop.events.drain() + shop.sagas.drain():
        pass


def document(capsys: Shown) -> Any:
    return json.loads(capsys.readouterr().out)


def test_an_event_starts_the_saga_in_the_handlers_transaction(shop: Runtime) -> None:
    assert place(shop, "o1", "ok") == "paid"


def test_a_saga_that_failed_has_taken_back_what_it_did(shop: Runtime) -> None:
    assert place(shop, "o1", "declined") == "cancelled: payments.declined"


def test_show_tells_what_became_of_each_step(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o1", "declined")

    assert run(["sagas", "show", "o1"]) == 0

    shown = capsys.readouterr().out
    assert "of orders: compensated" in shown
    assert "charge ✗ declined → cancel ✓ → compensated" in shown
    assert "because: The card was declined. (payments.declined at charge)" in shown


def test_show_as_json_has_the_steps_and_the_strip(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o1", "ok")

    assert run(["sagas", "show", "o1", "--json"]) == 0

    saga = document(capsys)["saga"]
    assert saga["state"] == "done"
    assert saga["strip"] == "charge ✓ → confirm ✓ → notify ✓"
    assert (saga["steps"][0]["name"], saga["steps"][0]["outcome"], saga["steps"][0]["attempts"]) == (
        "charge",
        "done",
        1,
    )


def test_list_leaves_out_what_ended_well(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o1", "ok")
    place(shop, "o2", "unlucky")

    assert run(["sagas", "list", "--json"]) == 0
    assert [(one["key"], one["state"]) for one in document(capsys)["sagas"]] == [("o2", "parked")]
    assert run(["sagas", "list", "--all", "--json"]) == 0
    assert [one["key"] for one in document(capsys)["sagas"]] == ["o2", "o1"]
    assert run(["sagas", "list", "--state", "compensating"]) == 0
    assert capsys.readouterr().out == "None is compensating.\n"


def test_list_is_a_table_for_people(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o2", "unlucky")

    assert run(["sagas", "list"]) == 0

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "SAGA", "KEY", "STATE", "STARTED", "STEPS"]
    assert "orders.checkout  o2   parked" in row
    assert row.endswith("→ PARKED")


def test_a_parked_saga_goes_on_where_it_stopped(shop: Runtime, capsys: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    place(shop, "o2", "unlucky")
    sagas = import_module(f"{shop.name}.orders.sagas")
    monkeypatch.setattr(sagas.Checkout.steps["notify"], "action", lambda self, data: None)

    assert run(["sagas", "retry", "o2"]) == 0
    carry_on(shop)

    assert "goes on within a second" in capsys.readouterr().out
    assert run(["sagas", "show", "o2", "--json"]) == 0
    assert document(capsys)["saga"]["state"] == "done"


def test_a_person_can_take_back_what_was_done(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o2", "unlucky")

    assert run(["sagas", "compensate", "o2", "--yes", "--reason", "asked for"]) == 0
    carry_on(shop)
    capsys.readouterr()

    assert run(["sagas", "show", "o2", "--json"]) == 0
    saga = document(capsys)["saga"]
    assert saga["state"] == "compensated"
    assert saga["failure"]["detail"] == "asked for"
    assert [one["name"] for one in saga["steps"] if one["undo"]] == ["refund", "cancel"]


def test_what_has_ended_is_neither_retried_nor_taken_back(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o1", "ok")
    assert run(["sagas", "retry", "o1"]) == 6
    assert run(["sagas", "compensate", "o1", "--yes"]) == 6
    assert "has ended: it is done" in capsys.readouterr().err


def test_a_saga_that_is_worked_on_is_left_alone(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o2", "unlucky")
    with shop.databases["orders"].transaction() as session:
        session.connection().exec_driver_sql("UPDATE orders_saga SET owner = 'someone', state = 'running'")
    assert run(["sagas", "compensate", "o2", "--yes"]) == 6
    assert "runs right now" in capsys.readouterr().err


def test_a_saga_that_is_not_there_is_exit_code_4(shop: Runtime, capsys: Shown) -> None:
    assert run(["sagas", "show", "nothing"]) == 4
    assert "There is no saga nothing." in capsys.readouterr().err


def test_a_name_that_means_several_sagas_lists_them(shop: Runtime, capsys: Shown) -> None:
    place(shop, "o1", "ok")
    sagas = import_module(f"{shop.name}.orders.sagas")
    with shop.databases["orders"].transaction() as session:
        sagas.start(session, sagas.Checkout, sagas.CheckoutData(order_id="o1", method="ok"))
    assert run(["sagas", "show", "o1"]) == 2
    assert "2 sagas are meant by o1." in capsys.readouterr().err


def test_a_module_without_sagas_is_exit_code_4(shop: Runtime, capsys: Shown) -> None:
    assert run(["sagas", "list", "--module", "payments"]) == 4
    assert "There are: orders." in capsys.readouterr().err


def test_sagas_without_a_database_are_refused_at_start(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_checkout_shop(tmp_path, package)
    (tmp_path / package / "web").mkdir()
    (tmp_path / package / "web" / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    (tmp_path / package / "web" / "sagas.py").write_text(
        "from pydantic import BaseModel\nfrom decant.sagas import Saga, step\n\n\nclass Data(BaseModel):\n    pass\n\n\n"
        "class Walk(Saga[Data]):\n    @step\n    def go(self, data: Data) -> None: ...\n"
    )
    assert run(["sagas", "list"]) == 3
    assert "The module web has sagas and no database" in capsys.readouterr().err
