"""What the terminal shows: merged log lines and sentences, written by a thread of its own.

A terminal that was stopped (Ctrl-S) or a reader that is slow must not keep the supervisor from reading its processes'
output, so lines wait in a bounded queue; what does not fit is counted, and stands in the log files.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Iterable
from typing import TextIO

from decant_tools.run.lines import Fields, Painter

WAITING_LINES = 10_000
CLOSED_WITHIN_S = 2.0
OWN = "decant"
"""Whose sentences the supervisor's own are."""


def is_coloured(stream: TextIO) -> bool:
    """Return whether a stream is shown in colour: a terminal, or ``FORCE_COLOR``; never with ``NO_COLOR``."""
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Display:
    """Writes to the terminal without ever waiting for it.

    Args:
        logs: Where the processes' lines go.
        notes: Where sentences about them go.
        colour: Colours wherever a stream can show them; none at all otherwise.
    """

    def __init__(self, logs: TextIO, notes: TextIO, *, colour: bool = True) -> None:
        self._logs, self._notes = logs, notes
        self._painter = Painter(len(OWN), colour=colour and is_coloured(logs))
        self._notes_painter = Painter(len(OWN), colour=colour and is_coloured(notes))
        self._queue: queue.Queue[tuple[TextIO, str] | None] = queue.Queue(WAITING_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="decant-display", daemon=True)
        self._thread.start()

    def align(self, names: Iterable[str]) -> None:
        """Align to the longest of these names."""
        self._painter.width = self._notes_painter.width = max(len(OWN), *map(len, names), 0)

    def line(self, fields: Fields) -> None:
        """Show a line of a process."""
        self._put(self._logs, self._painter.paint(fields))

    def say(self, sentence: str) -> None:
        """Show a sentence of the supervisor."""
        head = self._notes_painter.name(OWN)
        self._put(self._notes, "".join(f"{head} | {line}\n" for line in sentence.split("\n")))

    def close(self) -> None:
        """Show what still waits, as far as the terminal takes it."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=CLOSED_WITHIN_S)
            self._thread.join(CLOSED_WITHIN_S)

    def _put(self, stream: TextIO, text: str) -> None:
        try:
            self._queue.put_nowait((stream, text))
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (waiting := self._queue.get()) is not None:
            stream, text = waiting
            dropped, self._dropped = self._dropped, 0
            if dropped:
                text = f"{OWN} | {dropped} lines were not shown: the terminal is too slow. See `decant logs`.\n{text}"
            with contextlib.suppress(OSError, ValueError):  # whoever read it went away; the log files go on
                stream.write(text)
                if self._queue.empty():
                    stream.flush()
