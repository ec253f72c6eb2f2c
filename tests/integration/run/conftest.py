"""A workspace that is stopped at the end, whatever a test did with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.supervised import Workspace, kill_all, write_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Write a workspace: ``shop(topology="foreign", services="[services.bank]…")``."""
    made: list[Workspace] = []

    def write(env: dict[str, str] | None = None, **options: Any) -> Workspace:
        made.append(Workspace(write_shop(tmp_path / f"shop-{len(made)}", **options), env or {}))
        return made[-1]

    yield write
    for workspace in made:
        workspace.run("down")
        kill_all(workspace.root / ".decant")
