"""What every transport of calls is: one request, one answer, and what is known when there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from decant.errors import MissingExtra, ProtocolError, RemoteCallError

CONNECT_TIMEOUT_S: Final = 1.0
IDLE_CONNECTIONS_PER_HOST: Final = 64
IDLE_S: Final = 4.0
"""Seconds that a connection is kept for the next request. Many servers close an idle one after five, and one that is
closed just as a request is sent leaves nobody knowing whether it was read."""
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""A longer answer is refused: it would have to be held in memory as a whole."""


class Answer(NamedTuple):
    """What came back: the status, the headers in lower case, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a transport can do.

    Attributes:
        cooperative: It waits by the standard library's sockets, so that a server which patches them (gevent) can
            run other requests meanwhile. Any other one stops the whole worker.
        survives_fork: A process that was forked from one which has sent requests can send some of its own.
    """

    cooperative: bool
    survives_fork: bool


class Transport(ABC):
    """A driver for HTTP/1.1 with keep-alive connections.

    It sends a request once, to the address that it is given: no redirects, no proxies of the environment, no second
    try of its own unless the first is known not to have been sent.

    Thread-safety: share it freely.
    """

    name: ClassVar[str]
    package: ClassVar[str | None] = None
    extra: ClassVar[str] = ""
    capabilities: ClassVar[Capabilities]

    @abstractmethod
    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, timeout_s: float
    ) -> Answer:
        """Send a request and wait for the whole answer.

        Args:
            method: The HTTP method.
            url: The whole address.
            headers: The request's headers; printable ASCII.
            body: The body, or None.
            timeout_s: Seconds for everything, from connecting to the last byte of the answer.

        Raises:
            Unavailable: No answer, or half of one. ``may_have_run`` is False only where the request is known not to
                have been sent.
            DeadlineExceeded: The time was over before the answer was complete.
            ProtocolError: An answer came that is no HTTP, or is longer than 64 MiB.
            RemoteCallError: The request cannot be written as HTTP; nothing was sent.
        """
        ...

    @abstractmethod
    def close(self) -> None:
        """Close the connections that wait for the next request; those in use end with their requests."""
        ...

    @classmethod
    def check_installed(cls) -> None:
        """Raise :class:`~decant.errors.MissingExtra` unless the transport's package can be imported."""
        from importlib.util import find_spec

        if cls.package and find_spec(cls.package) is None:
            raise MissingExtra(cls.package, cls.extra)


def check_headers(url: str, headers: Mapping[str, str]) -> None:
    """Refuse headers that would not arrive as they are.

    Raises:
        RemoteCallError: For anything but printable ASCII (RFC 9110, 5.5).
    """
    everything = "".join(headers.values())
    if everything.isascii() and everything.isprintable():
        return
    wrong = next(name for name, text in headers.items() if not (text.isascii() and text.isprintable()))
    raise not_sent(url, f"the header {wrong} holds more than printable ASCII")


def not_sent(url: str, reason: str) -> RemoteCallError:
    """Return the error for a request that cannot be written as HTTP."""
    return RemoteCallError(f"{url} was not called: {reason}.", may_have_run=False)


def no_http(url: str, reason: str) -> ProtocolError:
    """Return the error for an answer that is not HTTP."""
    return ProtocolError(f"{url} answered with something that is no HTTP: {reason}.")


def too_long(url: str) -> ProtocolError:
    """Return the error for an answer above the bound."""
    return ProtocolError(
        f"{url} answered with more than {MAX_ANSWER_BYTES // 1024 // 1024} MiB.",
        hint="Return a page at a time, or a link to a file.",
    )
