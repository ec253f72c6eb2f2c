"""What ``decant keys`` shows, and where it cannot rotate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decant.auth import generate_key
from decant.cli.main import run
from tests.support.workspace import write_workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_workspace(tmp_path)
    for name in ("DECANT_CONFIG", "DECANT_ENV", "DECANT_HOME", "JWT_SECRET_KEY", "DECANT_AUTH_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def keys(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    assert run(["keys", "list", "--json"]) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)["keys"]
    return found


def test_looking_makes_no_key(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "list"]) == 0
    assert "There are no keys yet" in capsys.readouterr().out
    assert keys(capsys) == []
    assert not (root / ".decant" / "keys").exists()


def test_a_rotation_announces_a_key_beside_the_one_that_signs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "rotate"]) == 0
    kid, *words = capsys.readouterr().out.split()
    assert " ".join(words).endswith("signs in 15 s, without a restart.")
    found = keys(capsys)
    assert [(key["use"], key["algorithm"]) for key in found] == [("signs", "EdDSA"), ("verifies", "EdDSA")]
    assert found[1]["kid"] == kid


@pytest.mark.parametrize(
    ("name", "value", "algorithm"),
    [("JWT_SECRET_KEY", "s" * 32, "HS256"), ("DECANT_AUTH_SIGNING_KEY", generate_key().decode(), "EdDSA")],
)
def test_keys_of_the_settings_are_shown_and_rotated_there(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    algorithm: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert [(key["use"], key["algorithm"]) for key in keys(capsys)] == [("signs", algorithm)]
    assert run(["keys", "rotate"]) == 6
    told = capsys.readouterr().err
    assert "come from the settings" in told
    assert "DECANT_AUTH_VERIFYING_KEYS" in told
    assert value not in told


def test_keys_of_another_service_are_that_services(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DECANT_AUTH_JWKS_URL", "https://auth.example.org/.well-known/jwks.json")
    assert run(["keys", "list"]) == 6
    assert "https://auth.example.org" in capsys.readouterr().err
