"""Prints what files are opened, whom it connects to and what SQL is run, where the text holds a mark."""

import os
import sqlite3
import sys
from contextlib import suppress
from typing import Any

WATCHED = {
    "open", "os.listdir", "os.scandir", "glob.glob", "os.system", "subprocess.Popen", "socket.connect", "socket.getaddrinfo", "urllib.Request",
}  # fmt: skip


def watch(mark: str) -> None:
    """Print every use of the mark from now on; one of each at once, to show that the watch is awake."""
    connect = sqlite3.connect

    def seen(what: str, text: object) -> None:
        if mark in str(text):
            os.write(2, f"\nWATCHED {what} {text}\n".encode(errors="replace"))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in WATCHED:
            seen(event, arguments)

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made = connect(*arguments, **options)
        made.set_trace_callback(lambda statement: seen("sql", statement))
        return made

    sys.addaudithook(hook)
    sqlite3.connect = connected
    with suppress(OSError):
        os.close(os.open(f"/nowhere/{mark}", os.O_RDONLY))
