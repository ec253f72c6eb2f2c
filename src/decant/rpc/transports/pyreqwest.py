"""pyreqwest: the default transport. A Rust HTTP client with a thread of its own."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, cast

from decant.errors import DeadlineExceeded, MissingExtra, RemoteCallError, SetupError, Unavailable
from decant.rpc.transports.base import (
    CONNECT_TIMEOUT_S,
    IDLE_CONNECTIONS_PER_HOST,
    IDLE_S,
    MAX_ANSWER_BYTES,
    Answer,
    Capabilities,
    Transport,
    check_headers,
    no_http,
    not_sent,
    too_long,
)

if TYPE_CHECKING:
    from pyreqwest.client import SyncClient
    from pyreqwest.exceptions import DetailedPyreqwestError
    from pyreqwest.request import SyncStreamRequest
    from pyreqwest.response import SyncResponse

_CUT_OFF = "end of file before message length reached"
_CHUNK = 64 * 1024


class PyreqwestTransport(Transport):
    """HTTP/1.1 on pyreqwest.

    The client is made when it is first used, in the process that uses it. Make the transport itself in a thread that
    stays, usually the main one: the library must not be imported by a thread that ends, or the next one's first
    request kills the process.

    Raises:
        MissingExtra: When pyreqwest is not installed.
    """

    name: ClassVar[str] = "pyreqwest"
    package: ClassVar[str | None] = "pyreqwest"
    extra: ClassVar[str] = "rpc"
    capabilities: ClassVar[Capabilities] = Capabilities(cooperative=False, survives_fork=False)

    def __init__(self) -> None:
        try:
            importlib.import_module("pyreqwest.client")
            from pyreqwest.exceptions import DetailedPyreqwestError
        except ImportError as error:
            raise MissingExtra("pyreqwest", self.extra) from error
        self._failures = DetailedPyreqwestError  # importing it for each request is 1 % of one
        self._client: SyncClient | None = None
        self._pid = 0

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, timeout_s: float
    ) -> Answer:
        if not "".join(headers.values()).isascii():  # control characters the library refuses by itself
            check_headers(url, headers)
        client = self._client
        if client is None or self._pid != os.getpid():
            client = self._open()
        try:
            request = client.request(method, url).headers(headers).timeout(timedelta(seconds=timeout_s))
            if body is not None:
                request = request.body_bytes(body)
            ready = request.build_streamed()
        except ValueError as error:
            raise not_sent(url, str(error)) from error
        try:
            return _exchange(ready, url)
        except self._failures as error:
            raise _no_answer(error, url) from error

    def close(self) -> None:
        self._client = None  # its own close() would break off the requests in use; this waits for the last of them

    def _open(self) -> SyncClient:
        from pyreqwest.client import SyncClientBuilder

        builder = (
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
            .pool_idle_timeout(timedelta(seconds=IDLE_S))
        )
        try:
            client = builder.build()
        except RuntimeError as error:
            raise SetupError(
                "This process was forked from one that had called another service already, and cannot call any.",
                hint="Fork first and call then, or set DECANT_CALLS_TRANSPORT=http.client.",
            ) from error
        self._client, self._pid = client, os.getpid()
        return client


def _exchange(request: SyncStreamRequest, url: str) -> Answer:
    with request as response:
        try:
            headers = _joined(response.headers.dict_multi_value())
        except ValueError as error:
            raise no_http(url, "a header is not ASCII") from error
        return Answer(response.status, headers, _read(response, headers.get("content-length"), url))


def _joined(headers: dict[str, str | list[str]]) -> Mapping[str, str]:
    """Return the headers with those that came more than once in one line (RFC 9110, 5.3)."""
    if list not in map(type, headers.values()):
        return cast("Mapping[str, str]", headers)
    return {name: value if isinstance(value, str) else ", ".join(value) for name, value in headers.items()}


def _read(response: SyncResponse, length: str | None, url: str) -> bytes:
    if length is not None and length.isdecimal():
        if int(length) > MAX_ANSWER_BYTES:
            raise too_long(url)
        return bytes(response.bytes())
    parts, size = [], 0
    while chunk := response.body_reader.read(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise too_long(url)
    return b"".join(parts)


def _no_answer(error: DetailedPyreqwestError, url: str) -> RemoteCallError:
    """Classify by cause and not by class: a server that read the request and then closed is a "connect error" too."""
    from pyreqwest.exceptions import BuilderError, DecodeError, PoolTimeoutError, RequestTimeoutError

    causes = [cause["message"] for cause in error.details["causes"] or []]
    never_sent = isinstance(error, PoolTimeoutError) or any("client error (Connect)" in cause for cause in causes)
    reason = causes[-1] if causes else error.message
    if isinstance(error, BuilderError):
        return not_sent(url, reason)
    if isinstance(error, RequestTimeoutError) and not never_sent:
        return DeadlineExceeded(f"{url} did not answer in time.", may_have_run=True)
    if isinstance(error, DecodeError) and reason != _CUT_OFF and not _is_of_connection(reason):
        return no_http(url, reason)
    return Unavailable(
        f"{url} cannot be reached: {reason}." if never_sent else f"{url} did not answer: {reason}.",
        may_have_run=not never_sent,
    )


def _is_of_connection(reason: str) -> bool:
    """Return whether the operating system says it: a connection that broke while the body came."""
    return "(os error " in reason
