"""Ways in which the catalogue fails while somebody wants to see it."""

from __future__ import annotations

import time

from decant.context import current
from decant.faults import Switch

SLOW_S = 2.0

slow = Switch("catalog.slow", "The catalogue takes two seconds for each answer.")
last_item = Switch("catalog.last-item", "Somebody else buys the last one, a moment before each order reserves its own.")


def wait_if_slow() -> None:
    """Take as long as ``catalog.slow`` says, and no longer than the caller waits."""
    if slow.on:
        left_s = current.get().remaining_s()
        time.sleep(SLOW_S if left_s is None else max(0.0, min(SLOW_S, left_s)))
