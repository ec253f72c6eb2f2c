"""Ports: claimed before anything is started, and held for as long as a service has an address."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from decant.errors import CommandError
from decant.serving.sockets import listening_socket
from decant_tools.run.plan import HOST


@dataclass(frozen=True, slots=True)
class Wish:
    """A port that is wanted.

    Attributes:
        process: For which process.
        port: Which one; 0 for any.
        named: Where it was asked for, for instance ``decant.toml:12``; "" when another one does as well.
        held: Whether the listening socket is kept and handed to the process.
        fixed: Why no other port does, in words; "" where ``--port-auto`` may choose another one.
    """

    process: str
    port: int
    named: str = ""
    held: bool = True
    fixed: str = ""


class Ports:
    """The ports of a run.

    Args:
        is_free_choice: Take another port wherever the wanted one is in use (``--port-auto``).
    """

    def __init__(self, *, is_free_choice: bool = False) -> None:
        self._is_free_choice = is_free_choice
        self.listeners: dict[str, socket.socket] = {}
        self.of: dict[str, int] = {}

    def claim(self, wishes: Iterable[Wish]) -> None:
        """Claim ports; those that were named come first, so that no free choice takes one of them.

        Raises:
            CommandError: Exit code 6, when a port that was named is in use.
        """
        released: list[socket.socket] = []
        try:
            for wish in sorted(wishes, key=lambda wish: not wish.named):
                listener = self._claim(wish)
                self.of[wish.process] = listener.getsockname()[1]
                if wish.held:
                    self.listeners[wish.process] = listener
                else:
                    released.append(listener)
        finally:
            for listener in released:  # together, at the end: none of them is given twice
                listener.close()

    def hold(self, process: str) -> socket.socket | None:
        """Return the socket that a process listens on, bound again where it was given up; None where it binds itself.

        Raises:
            CommandError: Exit code 6, when somebody else took the port meanwhile.
        """
        listener = self.listeners.get(process)
        if listener is not None and listener.fileno() < 0:
            listener = self.listeners[process] = listening_socket(HOST, self.of[process])
        return listener

    def give_up(self, process: str) -> None:
        """Close a process's socket: who connects is refused at once, in place of waiting for nobody."""
        listener = self.listeners.get(process)
        if listener is not None:
            listener.close()

    def close(self) -> None:
        """Give up every port."""
        for process in self.listeners:
            self.give_up(process)

    def _claim(self, wish: Wish) -> socket.socket:
        try:
            return listening_socket(HOST, wish.port)
        except CommandError as error:
            if (self._is_free_choice or not wish.named) and not wish.fixed:
                return listening_socket(HOST, 0)
            other = next((name for name, port in self.of.items() if port == wish.port), None)
            if wish.fixed:
                detail = f"{wish.port} is the port of `{other}` too." if other else error.detail
                raise CommandError(
                    f"{wish.named}: {detail} `{wish.process}` listens there.",
                    hint=wish.fixed if other else f"{error.hint or ''} {wish.fixed}".lstrip(),
                    exit_code=error.exit_code,
                ) from error
            raise CommandError(
                f"{wish.named}: {error.detail} `{wish.process}` was to listen there.",
                hint=f"{error.hint or 'Choose another one.'} With --port-auto, `decant up` takes any that is free.",
                exit_code=error.exit_code,
            ) from error


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    sockets = [listening_socket(HOST, 0) for _ in range(count)]
    found = []
    for listener in sockets:
        with closing(listener):
            found.append(int(listener.getsockname()[1]))
    return found
