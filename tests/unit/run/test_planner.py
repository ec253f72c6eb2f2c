"""From decant.toml to processes: who is started, where, with what in its environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decant.errors import CommandError
from decant.topology import load_workspace
from decant_tools.run.plan import Planned
from decant_tools.run.planner import Planner, Wanted, split_command
from tests.support.workspace import HEAD, write_workspace

TOML = (
    HEAD
    + 'topology = "services"\n[services.bank]\ncommand = "bank --port $PORT"\n[services.bank.env]\nLEDGER = "$DECANT_HOME/x"\n'
)

Plan = Callable[..., Planned]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    planners: list[Planner] = []

    def make(
        toml: str = TOML, topology: str | None = None, environ: dict[str, str] | None = None, **wanted: Any
    ) -> Planned:
        for name, value in (environ or {}).items():
            monkeypatch.setenv(name, value)
        workspace = load_workspace(write_workspace(tmp_path, toml), topology=topology, environ=environ or {})
        planners.append(Planner(workspace, Wanted(port=0, is_free_choice=True, **wanted), "run-1"))
        return planners[-1].plan()

    yield make
    for planner in planners:
        planner.ports.close()


def test_every_service_and_the_gateway_are_started_foreign_ones_first(plan: Plan) -> None:
    planned = plan()
    assert [(each.name, each.kind) for each in planned.processes] == [
        ("bank", "foreign"), ("auth", "service"), ("cart", "service"), ("catalog", "service"), ("orders", "service"),
        ("gateway", "gateway"),
    ]  # fmt: skip
    assert planned.edge == planned.processes[-1].url


def test_one_service_of_ours_is_its_own_edge(plan: Plan) -> None:
    planned = plan(topology="monolith")
    assert [each.name for each in planned.processes] == ["bank", "shop"]
    assert planned.edge == planned.processes[1].url
    assert "DECANT_TRUSTED_PROXIES" not in planned.processes[1].environ


def test_each_process_is_told_where_all_others_are(plan: Plan) -> None:
    planned = plan()
    urls = {each.name: each.url for each in planned.processes}
    for each in planned.processes:
        assert each.environ["ORDERS_SERVICE_URL"] == urls["orders"]
        assert each.environ["BANK_SERVICE_URL"] == urls["bank"]
        assert each.environ["DECANT_EDGE_URL"] == planned.edge
        assert each.environ["DECANT_RUN"] in {"run-1", f"run-1/{each.name}"}
        assert each.environ["DECANT_TRUSTED_PROXIES"] == "127.0.0.1"


def test_a_foreign_command_gets_its_port_and_its_own_environment(plan: Plan, tmp_path: Path) -> None:
    bank = plan().processes[0]
    assert bank.argv[-3:] == ("bank", "--port", str(bank.port))
    assert bank.environ["PORT"] == str(bank.port)
    assert bank.environ["LEDGER"] == f"{tmp_path}/.decant/x"


def test_a_secret_is_made_once_and_shared(plan: Plan, tmp_path: Path) -> None:
    first, again = plan(), plan()
    secrets = {each.environ["BANK_SERVICE_SECRET"] for planned in (first, again) for each in planned.processes}
    assert len(secrets) == 1
    assert (tmp_path / ".decant" / "secrets" / "bank").stat().st_mode & 0o777 == 0o600
    given = plan(environ={"BANK_SERVICE_SECRET": "given"})
    assert given.processes[1].environ["BANK_SERVICE_SECRET"] == "given"


def test_replicas_are_processes_whose_addresses_are_told_together(plan: Plan) -> None:
    planned = plan(TOML + "[services.cart]\nreplicas = 2\n")
    cart = planned.of("cart")
    assert [each.name for each in cart] == ["cart", "cart-2"]
    assert planned.processes[0].environ["CART_SERVICE_URL"] == ",".join(each.url for each in cart)


def test_a_service_whose_address_is_given_is_not_started(plan: Plan) -> None:
    planned = plan(environ={"CART_SERVICE_URL": "http://10.0.0.1:80,http://10.0.0.2:80"})
    assert "cart" not in {each.name for each in planned.processes}
    (outside,) = planned.outside
    assert (outside.name, len(outside.urls), outside.why) == ("cart", 2, "environment CART_SERVICE_URL")


def test_named_services_are_started_with_what_they_call_or_alone(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "shop" / "cart").mkdir(parents=True)
    (tmp_path / "shop" / "orders").mkdir()
    (tmp_path / "shop" / "cart" / "api.py").write_text("class Cart(Contract): ...")
    (tmp_path / "shop" / "orders" / "service.py").write_text("from shop.cart.api import Cart")
    together = plan(services=("orders",))
    assert [each.name for each in together.processes] == ["bank", "cart", "orders"]
    assert together.processes[2].after == {"cart"}
    assert [each.name for each in plan(services=("orders",), with_needs=False).processes] == ["orders"]
    with pytest.raises(CommandError, match="has no service 'ordres'") as caught:
        plan(services=("ordres",))
    assert caught.value.exit_code == 4


def test_fault_proxies_stand_between_caller_and_called_alone(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "shop" / "cart").mkdir(parents=True)
    (tmp_path / "shop" / "orders").mkdir()
    (tmp_path / "shop" / "cart" / "api.py").write_text("class Cart(Contract): ...")
    (tmp_path / "shop" / "orders" / "service.py").write_text("from shop.cart.api import Cart")
    planned = plan(faults="chaos", seed=7)
    by_name = {each.name: each for each in planned.processes}
    proxy = by_name["orders-to-cart"]
    assert proxy.argv[-8:] == (
        "--listen", f"127.0.0.1:{proxy.port}", "--to", f"127.0.0.1:{by_name['cart'].port}",
        "--profile", "chaos", "--seed", "7",
    )  # fmt: skip
    assert by_name["orders"].environ["CART_SERVICE_URL"] == proxy.url
    assert by_name["gateway"].environ["CART_SERVICE_URL"] == by_name["cart"].url


def test_foreign_services_alone_have_no_gateway(plan: Plan) -> None:
    head = '[workspace]\nname = "plain"\n[services.a]\ncommand = "a"\n[services.b]\ncommand = "b"\n'
    planned = plan(head)
    assert ([each.name for each in planned.processes], planned.edge) == (["a", "b"], None)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python app.py", ["python", "app.py"]),
        ("bank --port $PORT --home '${HOME} x'", ["bank", "--port", "8300", "--home", "/h x"]),
        ("bank $UNKNOWN", ["bank", "$UNKNOWN"]),
        ("a && b", ["/bin/sh", "-c", "a && b"]),
        ("bank --port $(cat port)", ["/bin/sh", "-c", "bank --port $(cat port)"]),
    ],
)
def test_a_command_is_split_without_a_shell_where_none_is_needed(command: str, words: list[str]) -> None:
    assert split_command(command, {"PORT": "8300", "HOME": "/h"}) == words


def test_a_command_with_an_open_quote_is_a_clear_error() -> None:
    with pytest.raises(CommandError, match="No closing quotation") as caught:
        split_command("bank 'x", {})
    assert caught.value.exit_code == 3
