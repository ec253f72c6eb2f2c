"""Waiting on conditions, never on durations."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, within_s: float = 10.0, every_s: float = 0.02, what: str = "") -> T:
    """Return the condition's first true value.

    Args:
        condition: Asked again and again; an ``OSError`` or ``AssertionError`` counts as "not yet".
        within_s: Seconds after which to give up.
        every_s: Seconds between two looks.
        what: What is waited for, in words.

    Raises:
        AssertionError: When time is up, naming what was seen last.
    """
    deadline = time.monotonic() + within_s
    while True:
        value: T | None
        try:
            value = condition()
            seen: object = value
        except (OSError, AssertionError) as error:
            value, seen = None, error
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"Waited {within_s:g} s for {what or repr(condition)}; last seen: {seen!r}")
        time.sleep(every_s)
