"""Where lines go: one ``write`` per line, so that lines of threads and processes do not mix."""

from __future__ import annotations

import os
import sys
from typing import IO, Any


class LineSink:
    """Writes whole lines to a stream, past its buffer where it has a file descriptor.

    A pipe takes up to 4096 bytes at once; longer lines of different processes can mix there, so long
    fields are cut where that is possible. Lines that cannot be written are lost: a full disk or a
    reader that went away must not stop the service.

    Args:
        stream: A text stream; standard output by default.
    """

    __slots__ = ("_descriptor", "stream")

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.stream: IO[str] = sys.stdout if stream is None else stream
        self._descriptor = _descriptor(self.stream)

    def is_terminal(self) -> bool:
        """Return whether a person reads along."""
        return self._descriptor is not None and os.isatty(self._descriptor)

    def write(self, line: bytes) -> None:
        """Write one line, which ends in a newline. Never raises."""
        try:
            if self._descriptor is None:
                self.stream.write(line.decode("utf-8", "replace"))
                self.stream.flush()
                return
            written = os.write(self._descriptor, line)
            while written < len(line):
                line = line[written:]
                written = os.write(self._descriptor, line)
        except (OSError, ValueError, AttributeError):
            pass


def _descriptor(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):  # a stand-in for a stream, as tests and notebooks have
        return None
