"""What an exchange asks of the connection that its request came from."""

from __future__ import annotations

from typing import Protocol


class Client(Protocol):
    """The client's connection, as an exchange sees it."""

    slow: bool

    def write(self, parts: list[bytes]) -> None:
        """Send parts of an answer."""

    def hold(self, held: bool) -> None:
        """Read no more of the body for now, or go on."""

    def over(self, *, close: bool) -> None:
        """Note that this request has its whole answer, and go on to the next one or close."""

    def cut(self, *, hard: bool) -> None:
        """Close in the middle of an answer, so that it cannot be taken for a whole one."""
