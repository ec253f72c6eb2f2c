from __future__ import annotations

import pytest

from tests.support.clocks import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
