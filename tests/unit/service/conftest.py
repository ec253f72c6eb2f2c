from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.three_modules import write_shop

Shop = Callable[..., Path]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Return what writes the workspace of three modules; its code is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(changed: Mapping[str, str] | None = None) -> Path:
        return write_shop(tmp_path, changed) / "decant.toml"

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
