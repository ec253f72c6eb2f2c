"""Says in one sentence why a port cannot be used, and exits with 6; says nothing where it can."""

from __future__ import annotations

import errno
import socket
import sys


def problem(text: str) -> str | None:
    """Return the sentence, or None where the port can be used."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        return f'PORT={text} is not a port: choose a number from 1 to 65535, for instance "make up PORT=8001".'
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is only in TIME_WAIT does not count
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return f'Port {port} needs root rights: choose one from 1024 up, for instance "make up PORT=8001".'
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return f'Port {port} is in use by another program: start on another one with "make up PORT={free_port()}".'
    return None


def free_port() -> int:
    """Return the first free port from 8001 up."""
    for port in range(8001, 8100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return 8100


if __name__ == "__main__":
    sentence = problem(sys.argv[1])
    if sentence:
        print(sentence, file=sys.stderr)
        sys.exit(6)
