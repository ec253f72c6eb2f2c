from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.db import ModuleDatabase, default_url
from tests.unit.db.shelf import Base


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ModuleDatabase]:
    made = ModuleDatabase("shelf", default_url(tmp_path, "shelf"), busy_timeout_s=0.2)
    Base.metadata.create_all(made.engine)
    yield made
    made.close()
