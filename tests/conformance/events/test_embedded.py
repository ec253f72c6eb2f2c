from pathlib import Path

import pytest

from decant.events import EmbeddedTransport
from tests.conformance.events.suite import Connect, TransportConformance


class TestEmbedded(TransportConformance):
    @pytest.fixture
    def connect(self, tmp_path: Path) -> Connect:
        return lambda: EmbeddedTransport(tmp_path / "events.sqlite3")
