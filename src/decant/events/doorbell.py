"""Doorbells: how a process tells the others of the machine that there are new events.

A ring is a hint and may be lost; whoever waits looks by itself once a second as well.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_LONGEST = 90  # bytes; the kernel takes 107 for a socket's path


class Doorbell:
    """This process's bell, and the ringing of the others'.

    Args:
        home: ``DECANT_HOME``, which all processes of the workspace share.
        heard: Called in a thread of its own when another process rings.
    """

    def __init__(self, home: Path, heard: Callable[[], None]) -> None:
        self._folder = bell_folder(home)
        self._path = self._folder / f"{os.getpid()}-{os.urandom(4).hex()}"
        self._heard = heard
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._listen, name="decant-doorbell", daemon=True)

    def start(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket.bind(str(self._path))
        self._thread.start()

    def ring(self) -> None:
        """Ring every other process; never raises, for it is called after a commit that must not seem to fail."""
        _ring_all(self._socket, self._folder, self._path)

    def stop(self) -> None:
        """Take the bell down."""
        self._path.unlink(missing_ok=True)
        self._socket.shutdown(socket.SHUT_RD)
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                ring = self._socket.recv(16)
            except OSError:
                return
            if not ring:  # shut down
                return
            self._heard()


def ring(home: Path) -> None:
    """Ring every process of the workspace, from one that has no bell itself, for instance a command."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        _ring_all(sender, bell_folder(home), None)


def _ring_all(sender: socket.socket, folder: Path, own: Path | None) -> None:
    try:
        others = [path for path in folder.iterdir() if path != own]
    except OSError:
        return
    for path in others:
        try:
            sender.sendto(b"!", socket.MSG_DONTWAIT, str(path))
        except ConnectionRefusedError:  # its owner died
            with suppress(OSError):
                path.unlink()
        except OSError:
            pass  # gone meanwhile, or full of rings that it has yet to hear


def bell_folder(home: Path) -> Path:
    """Return the folder of the sockets: in ``home``, or a short path of its own where that one is too long."""
    folder = home.absolute() / "bells"
    if len(os.fsencode(folder)) <= _LONGEST - 20:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"decant-{os.getuid()}-{digest}"
