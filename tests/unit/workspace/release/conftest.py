"""What the tests of releases share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workspace.release.shop import Shop, no_system_settings


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for name, value in no_system_settings().items():
        monkeypatch.setenv(name, value)
    made = Shop(tmp_path / "shop")
    made.begin()
    return made
