"""Waits for the end of a process that is not ours: the one that a run is for."""

from __future__ import annotations

import asyncio
import os

POLL_S = 0.5


async def ended(pid: int) -> None:
    """Return when a process has ended; at once when there is none.

    Args:
        pid: Any process, not only a child.
    """
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # not on Linux, or in a container that forbids it
        while _is_there(pid):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(POLL_S)
        return
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
