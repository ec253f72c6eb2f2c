"""Small packages made for one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Write files, and an empty ``__init__.py`` into every folder without one."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for folder in (path for path in tmp_path.rglob("*") if path.is_dir()):
            (folder / "__init__.py").touch()
        return tmp_path

    return write
