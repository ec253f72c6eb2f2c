"""Metrics of several workers: each writes to a file of its own, any of them answers for all.

``prometheus_client`` decides when it is imported whether it does so; this module does not import it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from decant.errors import SetupError

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"

_LIVE_GAUGE = re.compile(r"gauge_live[a-z]*_(?P<pid>\d+)\.db")
_FOLDER = re.compile(r".+-(?P<pid>\d+)")


def prepare_multiprocess(home: Path, service: str = "service") -> Path:
    """Make the folder in which the workers of one server keep their metrics, and name it in ``os.environ``.

    Called by the server's own process before it starts workers. Each server process has a folder of
    its own, ``metrics/<service>-<pid>`` below ``home``, empty at the start; folders whose server is
    gone are removed. A worker that starts anew goes on in the same folder, so counts survive it.

    Args:
        home: ``DECANT_HOME``.
        service: The service's name.

    Returns:
        The folder, for the environment of workers that do not inherit this process's own.

    Raises:
        SetupError: When the folder cannot be made, or when metrics exist already in this process.
    """
    if MULTIPROCESS not in os.environ and "prometheus_client.values" in sys.modules:
        raise SetupError(
            "Metrics of several workers must be prepared before prometheus_client is imported.",
            hint="Call prepare_multiprocess() first in the server's own process, before it loads the application.",
        )
    folder = home.absolute() / "metrics" / f"{service}-{os.getpid()}"
    try:
        for stale in _stale_folders(folder.parent):
            shutil.rmtree(stale, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise SetupError(
            f"The folder {folder} for metrics cannot be made: {error.strerror}.",
            hint="Point DECANT_HOME at a folder that this user may write to.",
        ) from error
    os.environ[MULTIPROCESS] = str(folder)
    return folder


def _stale_folders(parent: Path) -> Iterator[Path]:
    for folder in parent.iterdir() if parent.is_dir() else ():
        match = _FOLDER.fullmatch(folder.name)
        if match is not None and not alive(int(match["pid"])):
            yield folder


def remove_dead_gauges(folder: Path) -> None:
    """Remove what dead workers left that is true of living ones only; their counters stay."""
    for file in folder.glob("gauge_live*.db"):
        match = _LIVE_GAUGE.fullmatch(file.name)
        if match is not None and not alive(int(match["pid"])):
            with suppress(OSError):  # another worker was faster
                file.unlink()


def alive(pid: int) -> bool:
    """Return whether a process of that id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists, and belongs to another user
        return True
    return True
