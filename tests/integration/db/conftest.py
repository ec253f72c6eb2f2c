from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.db.bank import Bank, make_bank
from tests.support.bank import SCENARIOS


@pytest.fixture
def url(each_database_url: str) -> str:
    """The address of an empty database, on each of the three kinds."""
    return each_database_url


@pytest.fixture
def bank(url: str, tmp_path: Path) -> Iterator[Bank]:
    """The bank in strict mode, on each of the three kinds."""
    made = make_bank(tmp_path, url)
    yield made
    made.runtime.stop(1)
    SCENARIOS.clear()
