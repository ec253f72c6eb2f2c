"""Act, wait for what must come of it, and say what was seen on the way when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
WITHIN_S = 10.0
EVERY_S = 0.05
SHOWN = 300
KEPT = 20


class Scenario:
    """The steps of one test.

    Args:
        circumstances: Returns what else to tell when a wait was in vain: health, logs.

    Example:
        ``order = scenario.act("order a book", lambda: edge.post("/api/checkout", json={})).json()``, then
        ``scenario.wait("it is paid", lambda: edge.get(path).json(), until=lambda seen: seen["status"] == "paid")``.
    """

    def __init__(self, circumstances: Callable[[], str] = lambda: "") -> None:
        self._circumstances = circumstances
        self._began = time.monotonic()
        self._steps: list[str] = []

    def act(self, what: str, action: Callable[[], T]) -> T:
        """Do something, and note what came of it.

        Args:
            what: What is done, in words.
            action: Does it.
        """
        try:
            result = action()
        except BaseException as error:
            self._steps.append(f"{self._now()} {what}: {_shown(error)}")
            raise
        self._steps.append(f"{self._now()} {what}: {_shown(result)}")
        return result

    def wait(
        self,
        what: str,
        look: Callable[[], T],
        *,
        until: Callable[[T], object] = bool,
        within_s: float = WITHIN_S,
        every_s: float = EVERY_S,
    ) -> T:
        """Return the first value that is as it must be.

        Args:
            what: What is waited for, in words.
            look: Returns the value as it is now; an ``AssertionError``, ``LookupError`` or ``OSError`` is "not yet".
            until: Whether a value is as it must be; by default any true one.
            within_s: Seconds after which to give up.
            every_s: Seconds between two looks.

        Raises:
            AssertionError: When time is up: with what was done, what was seen, and the circumstances.
        """
        ends, seen = time.monotonic() + within_s, list[list[str]]()
        while True:
            try:
                value = look()
                if until(value):
                    self._steps.append(f"{self._now()} {what}: {_shown(value)}")
                    return value
                now = _shown(value)
            except (AssertionError, LookupError, OSError) as error:
                now = _shown(error)
            if not seen or seen[-1][1] != now:
                seen.append([self._now(), now])
            if time.monotonic() >= ends:
                raise AssertionError(self._told(what, within_s, seen))
            time.sleep(every_s)

    def _told(self, what: str, within_s: float, seen: list[list[str]]) -> str:
        left_out = [f"  ({len(seen) - KEPT} more before)"] if len(seen) > KEPT else []
        lines = [f"Waited {within_s:g} s in vain for this: {what}"]
        lines += ["Done before:", *(f"  {step}" for step in self._steps)] if self._steps else []
        lines += ["Seen, each change once:", *left_out, *(f"  {' '.join(one)}" for one in seen[-KEPT:])]
        return "\n".join([*lines, self._circumstances()]).rstrip()

    def _now(self) -> str:
        return f"+{time.monotonic() - self._began:.1f} s"


def _shown(value: object) -> str:
    if isinstance(value, BaseException):
        text = f"{type(value).__name__}: {value}"
    else:
        text = value if isinstance(value, str) else _named(value)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _named(value: object) -> str:
    """Return an answer as its status and body, and anything else as Python writes it."""
    status, text = getattr(value, "status_code", None), getattr(value, "text", None)
    return f"{status} {text}" if isinstance(status, int) and isinstance(text, str) else repr(value)
