"""Where the processes of a run listen in truth, as far as ``/proc`` tells."""

from __future__ import annotations

from pathlib import Path

from decant_tools.run.folder import processes_of

_LISTENING = "0A"


def ports_of(mark: str) -> list[int]:
    """Return the TCP ports that the processes with a mark listen on, sorted; none where nobody tells.

    Args:
        mark: Of a run, or of one process of it and whatever that started.
    """
    sockets = {link for pid in processes_of(mark) for link in _sockets(pid)} if mark else set()
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    return sorted({port for table in tables for port, link in _listening(table) if link in sockets})


def _sockets(pid: int) -> set[str]:
    try:
        return {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:  # it ended, or is somebody else's
        return set()


def _listening(table: Path) -> list[tuple[int, str]]:
    try:
        rows = [line.split() for line in table.read_text("ascii").splitlines()[1:]]
    except OSError:
        return []
    return [(int(row[1].rpartition(":")[2], 16), f"socket:[{row[9]}]") for row in rows if row[3] == _LISTENING]
