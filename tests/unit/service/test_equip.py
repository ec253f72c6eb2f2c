"""What a service's settings mean for its kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant.errors import SettingsError
from decant.service import create_app

COLLECTOR = '[settings.otel]\nexporter_otlp_endpoint = "gopher://collector"\n'


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_SDK_DISABLED", raising=False)


def workspace(root: Path, package: str, settings: str) -> Path:
    """Write a workspace with one empty module; the package's name is its own, since it is really imported."""
    folder = root / package / "desk"
    folder.mkdir(parents=True)
    (root / package / "__init__.py").touch()
    (folder / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    path = root / "decant.toml"
    path.write_text(f'[workspace]\nmodules = "{package}"\n\n{settings}')
    return path


def test_a_collector_may_be_named_in_any_layer_of_settings(tmp_path: Path) -> None:
    path = workspace(tmp_path, "equipped_shop", COLLECTOR)
    with pytest.raises(SettingsError, match="gopher"):
        create_app(config=path, environ={})


def test_settings_can_switch_the_export_off(tmp_path: Path) -> None:
    path = workspace(tmp_path, "unequipped_shop", f"{COLLECTOR}sdk_disabled = true\n")
    assert create_app(config=path, environ={}).extensions["decant.kit"]


@pytest.mark.parametrize(("settings", "status"), [("", 200), ('[settings.decant.http]\nmetrics_path = ""\n', 404)])
def test_metrics_are_served_unless_settings_say_nowhere(tmp_path: Path, settings: str, status: int) -> None:
    path = workspace(tmp_path, f"metered_shop_{status}", settings)
    assert create_app(config=path, environ={}).test_client().get("/metrics").status_code == status
