"""The command line ``decant``, as tests use it: every call has a deadline, and what failed is told in its own words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from decant.errors import SetupError

DECANT = (sys.executable, "-c", "from decant.cli import main; main()")
SUPERVISOR = "up"
CLOSE_S = 5.0


class CommandFailedError(Exception):
    """A ``decant`` command did not do what it was asked to; its message holds what the command printed."""


@dataclass(frozen=True)
class Commands:
    """Runs ``decant`` in a workspace.

    Args:
        root: The folder of ``decant.toml``.
        environ: The whole environment of each command.
    """

    root: Path
    environ: Mapping[str, str]

    def run(self, *arguments: str, within_s: float = 60.0) -> str:
        """Return what a command prints.

        Args:
            arguments: Verb, options, names.
            within_s: Seconds after which it is stopped.

        Raises:
            CommandFailedError: When it fails or takes longer.
        """
        said = f"decant {' '.join(arguments)}"
        with subprocess.Popen(
            [*DECANT, *arguments], cwd=self.root, env=dict(self.environ), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
        ) as process:  # fmt: skip
            try:
                out, errors = process.communicate(timeout=within_s)
            except subprocess.TimeoutExpired:
                raise CommandFailedError(f"`{said}` did not end within {within_s:g} s.") from None
            finally:
                _end(process)
        if process.returncode:
            raise CommandFailedError(f"`{said}` ended with {process.returncode}:\n{errors.strip() or out.strip()}")
        return out

    def document(self, *arguments: str, within_s: float = 60.0) -> dict[str, Any]:
        """Return the one JSON document that a command prints with ``--json``."""
        out = self.run(*arguments, "--json", within_s=within_s)
        try:
            found = json.loads(out)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CommandFailedError(f"`decant {' '.join(arguments)} --json` printed no JSON document:\n{out[:2000]}")
        return found


def need_supervisor() -> None:
    """Check that topologies can be started at all.

    Raises:
        SetupError: When only the runtime is installed, without the tools.
    """
    if not any(point.name == SUPERVISOR for point in entry_points(group="decant.commands")):
        raise SetupError(
            "This Python has no `decant up`, which starts what the tests run against.",
            hint="Install the tools beside the runtime: pip install flask-decant, not a runtime-only image.",
        )


def _end(process: subprocess.Popen[str]) -> None:
    """End a command that was given up: politely, for it may have processes of its own to end."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(CLOSE_S)
