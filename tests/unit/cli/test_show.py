"""What ``decant config`` and ``decant topology`` print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from decant.cli.main import run
from decant.cli.output import format_table
from tests.support.workspace import HEAD, write_workspace

SETTINGS = """
from pydantic import SecretStr
from decant.settings import Settings

class CartSettings(Settings):
    most: int = 9
    token: SecretStr = SecretStr("s3cret")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    package = f"shop_{tmp_path.name}"
    write_workspace(
        tmp_path, HEAD.replace('modules = "shop"', f'modules = "{package}"') + "[settings.cart]\nmost = 3\n"
    )
    (tmp_path / "shop").rename(tmp_path / package)
    (tmp_path / package / "cart" / "settings.py").write_text(SETTINGS)
    for name in ("DATABASE_URL", "DECANT_TOPOLOGY", "DECANT_CONFIG", "DECANT_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    return found


def test_config_shows_key_value_and_source(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "cart"]) == 0
    assert shown(capsys) == [
        ["KEY", "VALUE", "SOURCE"],
        ["cart.database_url", "-", "default"],
        ["cart.database_replica_url", "-", "default"],
        ["cart.most", "3", "decant.toml:5"],
        ["cart.token", "***", "default"],
    ]


def test_config_masks_passwords(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@h/d")
    assert run(["config"]) == 0
    out = capsys.readouterr().out
    assert "postgresql://u:***@h/d" in out
    assert "s3cret" not in out


def test_config_as_json_is_one_document(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "CART_M", "--json"]) == 0
    found = document(capsys)
    assert found["environment"] == "development"
    assert found["settings"] == [
        {"key": "cart.most", "name": "CART_MOST", "value": 3, "source": "decant.toml:5"},
    ]


def test_config_finds_own_parts_by_their_short_name(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "log"]) == 0
    assert [row[0] for row in shown(capsys)] == ["KEY", "decant.log.level", "decant.log.format"]


def test_config_of_nothing_names_what_there_is(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "crt"]) == 4
    assert "help: Did you mean 'cart'?" in capsys.readouterr().err


def test_check_says_that_all_is_right(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "--check"]) == 0
    assert "no faults (environment development)" in capsys.readouterr().out


def test_check_tells_every_fault(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (root / "decant.toml").open("a") as file:
        file.write("mst = 1\n[settings.decant.log]\nlevel = 'x'\n")
    assert run(["config", "--check"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[1] for line in err.splitlines()] == ["decant.toml:8", "decant.toml:6"]


def test_topology_shows_which_module_runs_where(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology"]) == 0
    assert shown(capsys) == [
        ["SERVICE", "MODULES", "URL"],
        ["shop", "auth,", "cart,", "catalog,", "orders", "http://127.0.0.1:8000"],
    ]


def test_topology_by_name_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", "services", "--json"]) == 0
    found = document(capsys)
    assert (found["topology"], found["chosen"]) == ("services", "monolith")
    assert {service["name"]: service["port"] for service in found["services"]} == {
        "auth": 8001, "cart": 8002, "catalog": 8003, "orders": 8004,
    }  # fmt: skip


def test_an_unknown_topology_is_not_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", "servics"]) == 4
    assert "help: Did you mean 'services'?" in capsys.readouterr().err


def test_another_folder_is_gone_to_first(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert run(["-C", str(root), "topology"]) == 0
    assert "orders" in capsys.readouterr().out


def test_a_table_has_aligned_columns() -> None:
    assert format_table(("A", "B"), [("long", "x"), ("s", "y\n")]) == ["A     B", "long  x", "s     y"]


def test_on_a_terminal_the_widest_column_gives_way() -> None:
    assert format_table(("A", "B"), [("x" * 30, "end")], width=20)[1] == "x" * 14 + "…  end"
