"""The picture of the store in its documentation is the picture of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant_tools.workspace.draw import compose, render
from decant_tools.workspace.view import open_view

ROOT = Path(__file__).parents[4]
AGAIN = "cd examples/store && decant graph -o ../../docs/how-to/store.svg"


def test_the_picture_of_the_store_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path))
    drawn = render(open_view(ROOT / "examples/store").graph, "svg")
    assert (ROOT / "docs/how-to/store.svg").read_text() == drawn, f"Draw it again: {AGAIN}"


def test_the_store_has_no_cycle_and_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path))
    assert compose(open_view(ROOT / "examples/store").graph).faults() == []
