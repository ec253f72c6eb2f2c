from __future__ import annotations

from pathlib import Path

import pytest

from decant.errors import SettingsError
from decant.topology import ServiceSpec, Workspace
from tests.support.workspace import HEAD, MODULES, faults, load


def hosted(workspace: Workspace, topology: str | None = None) -> dict[str, tuple[str, ...]]:
    return {service.name: service.modules for service in workspace.services(topology)}


def test_without_topologies_there_are_all_together_and_all_apart(tmp_path: Path) -> None:
    workspace = load(tmp_path)
    assert workspace.topology == "monolith"
    assert hosted(workspace) == {"shop": MODULES}
    assert hosted(workspace, "services") == {module: (module,) for module in MODULES}


def test_a_star_is_the_rest(tmp_path: Path) -> None:
    workspace = load(tmp_path, HEAD + '[topologies.peak]\nfront = ["catalog", "auth"]\nrest = ["*"]')
    assert hosted(workspace) == {"front": ("catalog", "auth"), "rest": ("cart", "orders")}


def test_each_gives_the_rest_a_service_of_its_own(tmp_path: Path) -> None:
    workspace = load(tmp_path, HEAD + '[topologies.peak]\nfront = ["catalog", "auth"]\n"*" = "each"')
    assert hosted(workspace) == {"front": ("catalog", "auth"), "cart": ("cart",), "orders": ("orders",)}


def test_a_rest_of_nothing_is_no_service(tmp_path: Path) -> None:
    workspace = load(tmp_path, HEAD + f"[topologies.all]\none = {list(MODULES)}\nrest = ['*']")
    assert list(hosted(workspace)) == ["one"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('a = ["auth"]', "decant.toml:4: topologies.x has no place for 'cart', 'catalog', 'orders'."),
        ('a = ["auth", "*"]\nb = ["auth"]', "decant.toml:6: module 'auth' is in 'a' already."),
        ('a = ["auth", "auth", "*"]', "decant.toml:5: module 'auth' is in the same list already."),
        ('a = ["*"]\nb = ["*"]', "decant.toml:6: topologies.x.b takes the rest (\"*\"), which 'a' takes already."),
        ('a = ["*"]\n"*" = "each"', 'decant.toml:5: topologies.x.a takes the rest ("*"), and so does "*" = "each".'),
        ('a = "auth"', 'decant.toml:5: topologies.x.a must be a list of modules. Write a = ["auth"]'),
        ("a = []", "decant.toml:5: topologies.x.a is empty."),
        ("a = [3]", "decant.toml:5: topologies.x.a names modules in quotes, not 3."),
        ("a = 3", "decant.toml:5: topologies.x.a must be a list, not 3."),
        ('"*" = "ech"', 'decant.toml:5: topologies.x.* can only be "each"'),
        ('"a b" = ["*"]', "decant.toml:5: topologies.x.a b is no name for a service."),
        ('a-b = ["*"]\na_b = ["auth"]', "decant.toml:6: topologies.x.a_b and 'a-b' would share one environment name."),
        ('cart = ["auth"]\n"*" = "each"', "decant.toml:5: topologies.x.cart is a service of other modules"),
        ('a = [\n"*",\n"catlog",\n]', "decant.toml:7: there is no module 'catlog'. Did you mean 'catalog'?"),
    ],
)
def test_a_wrong_assignment_is_told_with_its_line(tmp_path: Path, lines: str, fault: str) -> None:
    found = faults(tmp_path, f"{HEAD}[topologies.x]\n{lines}\n")
    assert any(line.startswith(fault) for line in found), found


def test_several_topologies_need_a_default(tmp_path: Path) -> None:
    found = faults(tmp_path, HEAD + '[topologies]\na.x = ["*"]\nb.x = ["*"]')
    assert found == ["decant.toml:1: [workspace] must say which topology is the default: a, b."]


def test_a_service_of_a_module_is_found(tmp_path: Path) -> None:
    workspace = load(tmp_path)
    assert workspace.service_of("cart").name == "shop"
    assert workspace.service_of("cart", "services").name == "cart"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda w: w.services("servics"), "There is no topology 'servics'. Did you mean 'services'?"),
        (lambda w: w.service("shp"), "The topology 'monolith' has no service 'shp'. Did you mean 'shop'?"),
        (lambda w: w.service_of("crt"), "There is no module 'crt'. Did you mean 'cart'?"),
    ],
)
def test_an_unknown_name_is_answered_with_a_near_one(tmp_path: Path, ask: object, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ask(load(tmp_path))  # type: ignore[operator]
    assert caught.value.faults == (message,)


def ports(workspace: Workspace, topology: str | None = None) -> dict[str, int]:
    return {service.name: service.port for service in workspace.services(topology)}


def test_services_get_ports_in_the_order_written(tmp_path: Path) -> None:
    workspace = load(tmp_path)
    assert ports(workspace, "services") == {"auth": 8001, "cart": 8002, "catalog": 8003, "orders": 8004}


def test_a_single_service_is_the_public_address(tmp_path: Path) -> None:
    assert ports(load(tmp_path)) == {"shop": 8000}
    assert ports(load(tmp_path, HEAD + "[gateway]\nport = 8080")) == {"shop": 8080}


def test_a_foreign_service_beside_a_single_one_leaves_it_the_public_address(tmp_path: Path) -> None:
    foreign = HEAD + '[services.bank]\ncommand = "bank"\n'
    assert ports(load(tmp_path, foreign)) == {"shop": 8000, "bank": 8001}
    routed = foreign + '[[gateway.routes]]\npath = "/bank/*"\nto = "bank"'
    assert ports(load(tmp_path, routed)) == {"shop": 8001, "bank": 8002}


def test_ports_that_are_named_or_needed_by_replicas_are_left_out(tmp_path: Path) -> None:
    toml = HEAD + "[services.catalog]\nport = 8001\n[services.auth]\nreplicas = 2\n[gateway]\nport = 8004"
    assert ports(load(tmp_path, toml), "services") == {"auth": 8002, "cart": 8005, "catalog": 8001, "orders": 8006}


def test_two_services_on_one_port_are_a_fault(tmp_path: Path) -> None:
    toml = HEAD + "[services.cart]\nport = 9001\n[services.auth]\nreplicas = 2\nport = 9000"
    (fault,) = faults(tmp_path, toml)
    assert (
        fault
        == "decant.toml:5: services.cart.port: 9001 is the port of auth too, in the topology 'services'. Choose another one."
    )


def test_a_foreign_service_is_part_of_every_topology(tmp_path: Path) -> None:
    workspace = load(tmp_path, HEAD + '[services.mail]\ncommand = "mailer"\nenv = { MODE = "dev" }')
    for topology in ("monolith", "services"):
        mail = workspace.service("mail", topology)
        assert (mail.foreign, mail.command, mail.env) == (True, "mailer", {"MODE": "dev"})


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("[services.crt]\nreplicas = 2", "decant.toml:4: services.crt is in no topology. Did you mean 'cart'?"),
        ("[services.cart]\nreplicas = 0", "decant.toml:5: services.cart.replicas must be from 1 to 100, not 0."),
        ("[services.cart]\nreplicas = true", "decant.toml:5: services.cart.replicas must be a whole number, not True."),
        ("[services.cart]\nreplica = 1", "decant.toml:5: unknown key 'replica' in [services.cart]. Did you mean"),
        ('[services.x]\nurl = "127.0.0.1"', 'decant.toml:5: services.x.url is "127.0.0.1", which is no address.'),
        (
            '[services.x]\nurl = "http://u:pw@"',
            'decant.toml:5: services.x.url is "http://u:***@", which is no address.',
        ),
        ('[services.x]\ncommand = ""', "decant.toml:5: services.x.command is empty."),
        ("[services.cart.env]\nA = 1", "decant.toml:5: services.cart.env.A must be text in quotes, not 1."),
    ],
)
def test_a_wrong_service_is_told_with_its_line(tmp_path: Path, lines: str, fault: str) -> None:
    found = faults(tmp_path, HEAD + lines)
    assert any(line.startswith(fault) for line in found), found


def test_an_address_comes_from_environment_then_file_then_port(tmp_path: Path) -> None:
    workspace = load(tmp_path, HEAD + '[services.cart]\nurl = "https://cart.example/"')
    assert workspace.url_of("cart", {}, "services") == "https://cart.example"
    assert workspace.url_of("cart", {"CART_SERVICE_URL": "http://h:1/"}, "services") == "http://h:1"
    assert workspace.url_of("shop", {}) == "http://127.0.0.1:8000"


def test_the_environment_name_of_a_service_has_underscores() -> None:
    assert ServiceSpec("order-desk", (), 1).env_name == "ORDER_DESK_SERVICE_URL"


def test_a_wrong_address_in_the_environment_shows_no_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'environment SHOP_SERVICE_URL = "ftp://u:\*\*\*@h": expected an address'):
        load(tmp_path).url_of("shop", {"SHOP_SERVICE_URL": "ftp://u:pw@h"})


def test_routes_and_weights_are_kept(tmp_path: Path) -> None:
    toml = '[services.old]\nurl = "http://h:1"\n[[gateway.routes]]\npath = "/*"\nto = { old = 90, cart = 10 }'
    (route,) = load(tmp_path, HEAD + toml).gateway.routes
    assert (route.path, route.to) == ("/*", {"old": 90, "cart": 10})


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('path = "x"\nto = "cart"', 'decant.toml:5: gateway.routes[0].path is "x".'),
        ('path = "/a*"\nto = "cart"', 'decant.toml:5: gateway.routes[0].path is "/a*".'),
        ('path = "/*"\nto = "crt"', "decant.toml:6: there is no module or service \"crt\". Did you mean 'cart'?"),
        ('path = "/*"\nto = { crt = 1 }', 'decant.toml:6: there is no module or service "crt".'),
        ('path = "/*"\nto = { cart = -1 }', "decant.toml:6: gateway.routes[0].to.cart must be from 0 to 1000000, not -1."),
        ('path = "/*"\nto = { cart = 0 }', "decant.toml:6: gateway.routes[0].to needs a weight above 0."),
        ('path = "/*"\nto = 3', "decant.toml:6: gateway.routes[0].to must be a name, or weights such as"),
        ('path = "/*"', "decant.toml:4: gateway.routes[0] needs `to`."),
        ('pth = "/*"', "decant.toml:5: unknown key 'pth' in [gateway.routes[0]]. Did you mean 'path'?"),
        ('path = "/"\nto = "cart"\n[[gateway.routes]]\npath = "/"\nto = "cart"', 'decant.toml:8: the path "/" stands twice.'),
    ],
)  # fmt: skip
def test_a_wrong_route_is_told_with_its_line(tmp_path: Path, lines: str, fault: str) -> None:
    found = faults(tmp_path, f"{HEAD}[[gateway.routes]]\n{lines}")
    assert any(line.startswith(fault) for line in found), found
