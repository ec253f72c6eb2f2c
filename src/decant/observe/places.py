"""Where in the application's own code something happens, for messages that show both ends of a mistake."""

from __future__ import annotations

import sys
from types import FrameType

_NOT_THE_APPLICATION = frozenset({"", "decant", "sqlalchemy", "alembic", "contextlib"})


def application_place() -> str:
    """Return ``file:line`` of the innermost frame outside Decant and the libraries that it runs; "" without one."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _NOT_THE_APPLICATION:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
