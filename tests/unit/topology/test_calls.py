from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decant.errors import SettingsError
from decant.settings.call_policy import DEFAULT, BreakerPolicy
from tests.support.workspace import HEAD, faults, load

CALLS = """
[calls.catalog]
timeout_s = 2
attempts = 2
breaker = { volume = 20, probe_s = 0.5 }

[calls.catalog.from.orders]
timeout_s = 0.5
"""


def test_without_a_table_every_edge_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path).calls.of("catalog", "orders") == DEFAULT


def test_a_table_is_for_every_call_to_a_module(tmp_path: Path) -> None:
    calls = load(tmp_path, HEAD + CALLS).calls
    expected = replace(DEFAULT, timeout_s=2.0, attempts=2, breaker=BreakerPolicy(volume=20, probe_s=0.5))
    assert calls.of("catalog") == calls.of("catalog", "cart") == expected
    assert calls.of("cart", "orders") == DEFAULT


def test_an_edge_changes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    calls = load(tmp_path, HEAD + CALLS).calls
    assert calls.of("catalog", "orders") == replace(calls.of("catalog"), timeout_s=0.5)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("[calls.catalogue]\nattempts = 1", "decant.toml:4: there is no module \"catalogue\". Did you mean 'catalog'?"),
        (
            "[calls.catalog.from.order]\nattempts = 1",
            "decant.toml:4: there is no module \"order\". Did you mean 'orders'?",
        ),
        ("[calls.catalog]\ntimeout = 1", "decant.toml:5: unknown key 'timeout' in [calls.catalog]. Did you mean"),
        ("[calls.catalog]\ntimeout_s = 0", "decant.toml:5: calls.catalog.timeout_s must be from 0.01 to 3600, not 0."),
        ("[calls.catalog]\ntimeout_s = nan", "decant.toml:5: calls.catalog.timeout_s must be from 0.01 to 3600"),
        ('[calls.catalog]\ntimeout_s = "2s"', 'decant.toml:5: calls.catalog.timeout_s must be a number, not "2s".'),
        ("[calls.catalog]\nretry_ratio = true", "decant.toml:5: calls.catalog.retry_ratio must be a number, not True."),
        ("[calls.catalog]\nattempts = 2.5", "decant.toml:5: calls.catalog.attempts must be a whole number, not 2.5."),
        ("[calls.catalog]\nbreaker = 3", "decant.toml:5: calls.catalog.breaker must be a table."),
        (
            "[calls.catalog]\nbreaker = { volum = 3 }",
            "decant.toml:5: unknown key 'volum' in [calls.catalog.breaker]. Did you mean 'volume'?",
        ),
        (
            "[calls.catalog.from.orders]\nbreaker = { volume = 3 }",
            "decant.toml:5: calls.catalog.from.orders.breaker is the same for all callers",
        ),
        ("[calls.catalog.from.catalog]\nattempts = 1", "decant.toml:4: calls.catalog.from.catalog is no edge"),
        ("[calls]\ncatalog = 3", "decant.toml:5: calls.catalog must be a table."),
    ],
)
def test_a_wrong_table_is_told_with_its_line(tmp_path: Path, lines: str, fault: str) -> None:
    found = faults(tmp_path, HEAD + lines)
    assert any(line.startswith(fault) for line in found), found


def test_replicas_listen_on_the_ports_after_the_first(tmp_path: Path) -> None:
    workspace = load(tmp_path, HEAD + "[services.cart]\nport = 9100\nreplicas = 3")
    assert workspace.urls_of("cart", {}, "services") == tuple(f"http://127.0.0.1:{port}" for port in (9100, 9101, 9102))
    assert workspace.url_of("cart", {}, "services") == "http://127.0.0.1:9100"


def test_the_environment_names_replicas_with_commas_between(tmp_path: Path) -> None:
    environ = {"SHOP_SERVICE_URL": " http://a:1/, https://b ,http://a:1"}
    assert load(tmp_path).urls_of("shop", environ) == ("http://a:1", "https://b")


def test_every_wrong_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path).urls_of("shop", {"SHOP_SERVICE_URL": "http://a:1,b:2,ftp://u:pw@c"})
    assert len(caught.value.faults) == 2
    assert "pw" not in str(caught.value)
