"""The transport of calls that leave the process: one request, one answer, and what is known when there is none."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from decant.errors import DeadlineExceeded, MissingExtra, RemoteCallError, Unavailable

if TYPE_CHECKING:
    from pyreqwest.client import SyncClient
    from pyreqwest.exceptions import DetailedPyreqwestError

IDLE_CONNECTIONS_PER_HOST = 64
CONNECT_TIMEOUT_S = 1.0


class Answer(NamedTuple):
    """What came back: the status, the headers in lower case, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends one HTTP request and waits for the answer."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, timeout_s: float
    ) -> Answer:
        """Send a request.

        Args:
            method: The HTTP method.
            url: The whole address.
            headers: The request's headers.
            body: The body, or None.
            timeout_s: Seconds for everything, from connecting to the last byte of the answer.

        Raises:
            Unavailable: No answer. ``may_have_run`` is False only where the request was never sent.
            DeadlineExceeded: The time was over before the answer was complete.
        """
        ...


class HttpTransport:
    """HTTP/1.1 with keep-alive connections, on pyreqwest. Thread-safe.

    The client is made when it is first used, in the process that uses it: one that was made before a
    fork hangs in the child. Make the transport itself in a thread that stays, usually the main one: the
    library must not be imported by a thread that ends, or the next one's first request kills the process.

    Raises:
        MissingExtra: When pyreqwest is not installed.
    """

    def __init__(self) -> None:
        try:
            importlib.import_module("pyreqwest.client")
        except ImportError as error:
            raise MissingExtra("pyreqwest", "rpc") from error
        self._client: SyncClient | None = None
        self._pid = 0

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, timeout_s: float
    ) -> Answer:
        from pyreqwest.exceptions import DetailedPyreqwestError

        client = self._client
        if client is None or self._pid != os.getpid():
            client = self._open()
        request = client.request(method, url).headers(headers).timeout(timedelta(seconds=timeout_s))
        if body is not None:
            request = request.body_bytes(body)
        try:
            response = request.build().send()
            content = bytes(response.bytes())
        except DetailedPyreqwestError as error:
            raise _no_answer(error, url) from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)

    def _open(self) -> SyncClient:
        from pyreqwest.client import SyncClientBuilder

        # No redirects and no environment proxies: a call goes to the address that the topology names,
        # and to no other.
        self._client = (
            SyncClientBuilder()
            .http1_only()
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .connect_timeout(timedelta(seconds=CONNECT_TIMEOUT_S))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
            .build()
        )
        self._pid = os.getpid()
        return self._client


def _no_answer(error: DetailedPyreqwestError, url: str) -> RemoteCallError:
    """Classify by cause and not by class: a server that read the request and then closed is a "connect error" too."""
    from pyreqwest.exceptions import PoolTimeoutError, RequestTimeoutError

    causes = [cause["message"] for cause in error.details["causes"] or []]
    never_sent = isinstance(error, PoolTimeoutError) or any("client error (Connect)" in cause for cause in causes)
    reason = causes[-1] if causes else error.message
    if isinstance(error, RequestTimeoutError) and not never_sent:
        return DeadlineExceeded(f"{url} did not answer in time.", may_have_run=True)
    return Unavailable(
        f"{url} cannot be reached: {reason}." if never_sent else f"{url} did not answer: {reason}.",
        may_have_run=not never_sent,
    )
