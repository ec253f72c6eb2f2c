from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.db.bank import Bank, make_bank
from tests.support.bank import SCENARIOS


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on each of the three kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bank.sqlite3"
    address: str = request.getfixturevalue(f"{request.param}_url")
    return address


@pytest.fixture
def bank(url: str, tmp_path: Path) -> Iterator[Bank]:
    """The bank in strict mode, on each of the three kinds."""
    made = make_bank(tmp_path, url)
    yield made
    made.runtime.stop(1)
    SCENARIOS.clear()
