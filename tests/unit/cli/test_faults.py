"""What ``decant faults`` shows and does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from decant.cli.main import run

Shown = pytest.CaptureFixture[str]
SWITCHES = """\
from decant.faults import Switch

slow = Switch("catalog.slow", "Each answer takes two seconds.")
gone = Switch("catalog.gone", "Nothing is on the shelf.")
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = f"switched_{tmp_path.name}"
    folder = tmp_path / package / "catalog"
    folder.mkdir(parents=True)
    (tmp_path / "decant.toml").write_text(f'[workspace]\nname = "shop"\nmodules = "{package}"\n')
    (tmp_path / package / "__init__.py").touch()
    (folder / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    (folder / "faults.py").write_text(SWITCHES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DECANT_CONFIG", "DECANT_ENV", "DECANT_HOME", "DECANT_TOPOLOGY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def states(capsys: Shown) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["faults", "list", "--json"]) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)["faults"]}


def test_the_list_says_what_each_switch_does_and_how_it_stands(capsys: Shown) -> None:
    assert run(["faults", "on", "catalog.slow"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["catalog.slow  on     Each answer takes two seconds."]
    assert run(["faults", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "SWITCH        STATE  WHAT HAPPENS",
        "catalog.slow  on     Each answer takes two seconds.",
        "catalog.gone  off    Nothing is on the shelf.",
    ]


@pytest.mark.parametrize(
    ("given", "least_s", "told"),
    [("30s", 29, "on, 30 s left"), ("90", 89, "on, 90 s left"), ("5m", 299, "on, 5 min left")],
)
def test_a_time_limit_is_shown(capsys: Shown, given: str, least_s: float, told: str) -> None:
    assert run(["faults", "on", "catalog.slow", "--for", given]) == 0
    assert told in capsys.readouterr().out
    assert states(capsys)["catalog.slow"]["left_s"] >= least_s


def test_programs_get_a_document(capsys: Shown) -> None:
    assert run(["faults", "on", "catalog.gone", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "faults": [{"name": "catalog.gone", "on": True, "left_s": None, "sentence": "Nothing is on the shelf."}],
    }


def test_switches_are_turned_off_by_name_or_all_at_once(capsys: Shown) -> None:
    assert run(["faults", "on", "catalog.slow", "catalog.gone"]) == 0
    assert run(["faults", "off", "catalog.slow"]) == 0
    assert [name for name, state in states(capsys).items() if state["on"]] == ["catalog.gone"]
    assert run(["faults", "off"]) == 0
    assert not any(state["on"] for state in states(capsys).values())


@pytest.mark.parametrize("verb", ["on", "off"])
def test_an_unknown_name_is_told_with_the_near_one(capsys: Shown, verb: str) -> None:
    assert run(["faults", verb, "catalog.slwo"]) == 4
    told = capsys.readouterr().err
    assert "There is no failure switch catalog.slwo." in told
    assert "Did you mean 'catalog.slow'?" in told


@pytest.mark.parametrize("given", ["soon", "0", "-3", "1d", "999h", "1e3"])
def test_a_wrong_time_is_a_usage_error(capsys: Shown, given: str) -> None:
    assert run(["faults", "on", "catalog.slow", f"--for={given}"]) == 2
    assert "is no length of time" in capsys.readouterr().err


def test_a_name_is_needed_to_turn_something_on(capsys: Shown) -> None:
    assert run(["faults", "on"]) == 2


@pytest.mark.parametrize("arguments", [["list"], ["on", "catalog.slow"], ["off"]])
def test_production_has_no_switches(capsys: Shown, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setenv("DECANT_ENV", "production")
    assert run(["faults", *arguments]) == 3
    assert "There are no failure switches in production." in capsys.readouterr().err


def test_a_workspace_without_switches_says_where_they_would_be(capsys: Shown, workspace: Path) -> None:
    (workspace / "faults.py").unlink()
    assert run(["faults", "list"]) == 0
    assert "they would be in its faults.py" in capsys.readouterr().out
