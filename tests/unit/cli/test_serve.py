"""``decant serve``: where it binds, and what it makes of flags and settings."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from decant.cli.chosen import choose
from decant.cli.serve import parse_bind, serve_settings
from decant.errors import SettingsError, SetupError

WORKSPACE = """
[workspace]
name = "shop"
modules = "shop"
[topologies.services]
"*" = "each"
[topologies.monolith]
shop = ["*"]
[services.legacy]
url = "http://127.0.0.1:9000"
[gateway]
port = 8123
"""


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    for module in ("catalog", "orders"):
        (tmp_path / "shop" / module).mkdir(parents=True)
        (tmp_path / "shop" / module / "__init__.py").touch()
    (tmp_path / "shop" / "__init__.py").touch()
    path = tmp_path / "decant.toml"
    path.write_text(WORKSPACE)
    return str(path)


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        (None, ("10.0.0.1", 8001)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        (":9000", ("10.0.0.1", 9000)),
        ("localhost", ("localhost", 8001)),
        ("[::1]:9000", ("::1", 9000)),
        ("[::1]", ("::1", 8001)),
    ],
)
def test_what_bind_leaves_out_is_filled_in(bind: str | None, expected: tuple[str, int]) -> None:
    assert parse_bind(bind, 8001, "10.0.0.1") == expected


def test_port_0_asks_for_a_free_one() -> None:
    assert parse_bind("127.0.0.1:0", 8001)[1] not in {0, 8001}


@pytest.mark.parametrize("bind", ["host:http", "host:70000", "host:-1"])
def test_a_bind_without_a_port_number_is_a_usage_error(bind: str) -> None:
    with pytest.raises(click.BadParameter, match="is no port"):
        parse_bind(bind, 8001)


def test_a_service_is_named_by_its_workspace_wherever_that_lies(workspace: str) -> None:
    chosen = choose("orders", "services", workspace)
    assert (chosen.target.service, chosen.target.topology, chosen.target.config) == ("orders", "services", workspace)
    assert chosen.root == Path(workspace).parent


def test_everything_in_one_process_listens_at_the_public_address(workspace: str) -> None:
    assert choose("*", "services", workspace).port == 8123


def test_a_path_with_a_colon_is_a_foreign_application() -> None:
    chosen = choose("legacy.wsgi:app", None, "decant.toml")
    assert chosen.target.application == "legacy.wsgi:app"
    assert serve_settings(chosen) == {}


def test_of_several_services_one_has_to_be_named(workspace: str) -> None:
    with pytest.raises(SetupError, match="services has 2 services: catalog, orders"):
        choose(None, "services", workspace)


def test_a_slip_in_a_service_is_guessed(workspace: str) -> None:
    with pytest.raises(SettingsError, match="orders"):
        choose("oders", "services", workspace)


def test_a_foreign_service_has_nothing_to_serve(workspace: str) -> None:
    with pytest.raises(SetupError, match="is foreign"):
        choose("legacy", "services", workspace)


def test_settings_say_what_flags_leave_out(workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECANT_SERVE_THREADS", "12")
    assert serve_settings(choose("orders", "services", workspace))["threads"] == 12
