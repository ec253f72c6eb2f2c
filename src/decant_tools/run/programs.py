"""Command lines of what a run starts beside foreign commands themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from decant_tools.run import shim

DECANT = (sys.executable, "-c", "from decant.cli import main; main()")
"""``decant`` of this very installation, wherever its script lies."""


def with_shim(command: Sequence[str], grace_s: float) -> tuple[str, ...]:
    """Return the command that starts a program which does not know about its supervisor.

    Args:
        command: The program.
        grace_s: Seconds that its group gets to end.
    """
    return (sys.executable, "-I", "-S", shim.__file__, str(os.getpid()), f"{grace_s:g}", *command)
