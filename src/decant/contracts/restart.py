"""Running an operation again when the database undid its transaction for another one's sake.

A deadlock or a serialization failure says nothing against the operation: the same work, a moment later, succeeds.
Run again is only what may run twice: reads, operations that are idempotent by themselves, and calls with an
idempotency key of those that are made so.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from decant.context import current
from decant.errors import Unavailable
from decant.http.declare import Declaration

TRIES = 5
"""How often an operation is run at most, the first time included."""

FIRST_PAUSE_S = 0.01
"""The longest pause before the second try, in seconds; doubled for each one more, and jittered from nothing up."""


class Restart:
    """The further tries of one operation, called with its arguments once the first try has failed.

    Args:
        once: Runs the operation in a scope of its own.
        module: Whose operation it is: the conflicts of other modules are theirs to settle.
        keyed: Whether only calls with an idempotency key may run again.
    """

    __slots__ = ("_keyed", "_module", "_once")

    def __init__(self, once: Callable[..., Any], module: str, *, keyed: bool = False) -> None:
        self._once = once
        self._module = module
        self._keyed = keyed

    def wants(self, error: BaseException) -> bool:
        """Return whether the operation ought to be run again after this error; asked in the call's own context."""
        return self._is_conflict(error) and (not self._keyed or current.get().idempotency_key is not None)

    def _is_conflict(self, error: BaseException) -> bool:
        return isinstance(error, Unavailable) and error.rolled_back and error.operation == self._module

    def __call__(self, error: BaseException, *args: Any, **kwargs: Any) -> Any:
        """Run it again until it succeeds, fails otherwise, or tries or time are used up: then raise the last error."""
        for tried in range(1, TRIES):
            if not _pause(random.uniform(0, FIRST_PAUSE_S * 2**tried)):
                break
            try:
                return self._once(*args, **kwargs)
            except Unavailable as again:
                if not self._is_conflict(again):
                    raise
                error = again
        raise error


def restart_of(declaration: Declaration, once: Callable[..., Any], module: str) -> Restart | None:
    """Return how an operation is run again, or None where once is all it may."""
    if declaration.method == "GET" or declaration.idempotent == "natural":
        return Restart(once, module)
    if declaration.idempotent is True:
        return Restart(once, module, keyed=True)
    return None


def _pause(seconds: float) -> bool:
    """Wait; False when the deadline would pass meanwhile."""
    left = current.get().remaining_s()
    if left is not None and left <= seconds:
        return False
    time.sleep(seconds)
    return True
