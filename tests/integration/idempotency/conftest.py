from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.idempotency.running import TillProcess


@pytest.fixture
def url(each_database_url: str) -> str:
    """The address of an empty database, on each of the three kinds."""
    return each_database_url


@pytest.fixture
def process(url: str, tmp_path: Path) -> Iterator[TillProcess]:
    """The till in a process that may be killed."""
    made = TillProcess(url, tmp_path)
    yield made
    made.kill()
