"""An HTTP client for tests: it follows no redirect, retries nothing, and gives every request a deadline."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from decant.errors import MissingExtra

if TYPE_CHECKING:
    from pyreqwest.client import SyncClient

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        method: Of the request.
        url: Of the request.
        status_code: The status.
        headers: One value for each name, whatever the case: several are joined by a comma.
        content: The body.
    """

    method: str
    url: str
    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        return jsonlib.loads(self.content)

    def __str__(self) -> str:
        return f"{self.status_code} {self.text[:300]}"


class Headers(dict[str, str]):
    """Headers by their names in any case."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            key = name.lower()
            super().__setitem__(key, f"{self[key]}, {value}" if key in self else value)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Client:
    """Asks one address; cookies that it is given are sent again.

    Args:
        url: The address that paths are added to.
        headers: Sent with every request.
        timeout_s: Seconds for each request, from connecting to the last byte.

    Raises:
        MissingExtra: When pyreqwest is not installed.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self.headers = dict(headers or {})
        self.timeout_s = timeout_s
        self._client = _open()

    def with_headers(self, headers: Mapping[str, str]) -> Client:
        """Return a client that sends these headers, too; it begins without cookies."""
        return Client(self.url, headers={**self.headers, **headers}, timeout_s=self.timeout_s)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send a request and return its answer, whatever its status.

        Args:
            method: The HTTP method.
            path: Path and query.
            json: Sent as a JSON body.
            form: Sent as a form.
            data: Sent as it is.
            headers: Of this request alone.
            timeout_s: Seconds until there must be an answer; the client's own by default.

        Raises:
            AssertionError: There was no answer, or not in time.
        """
        body, kind = _body(json, form, data)
        sent = {**kind, **self.headers, **(headers or {})}
        url, limit_s = self.url + path, self.timeout_s if timeout_s is None else timeout_s
        request = self._client.request(method, url).headers(sent).timeout(timedelta(seconds=limit_s))
        if body is not None:
            request = request.body_bytes(body)
        from pyreqwest.exceptions import PyreqwestError

        try:
            answer = request.build().send()
            content = bytes(answer.bytes())
        except PyreqwestError as error:
            raise AssertionError(f"{method} {url} has no answer within {limit_s:g} s: {_cause(error)}") from error
        return Answer(method, url, answer.status, Headers(list(answer.headers.items())), content)

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Answer:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.request("DELETE", path, **options)


def _open() -> SyncClient:
    try:
        from pyreqwest.client import SyncClientBuilder
    except ImportError as error:
        raise MissingExtra("pyreqwest", "rpc") from error
    # What a service sends is what a test sees: no redirect, proxy or decompression in between.
    return (
        SyncClientBuilder()
        .http1_only()
        .no_proxy()
        .follow_redirects(False)
        .referer(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .default_cookie_store(True)
        .build()
    )


def _body(json: Any, form: Mapping[str, str] | None, data: bytes | None) -> tuple[bytes | None, dict[str, str]]:
    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if json is not None:
        return jsonlib.dumps(json).encode(), {"Content-Type": "application/json"}
    return data, {}


def _cause(error: Exception) -> str:
    details = getattr(error, "details", None) or {}
    causes = [str(cause["message"]) for cause in details.get("causes") or []]
    return causes[-1] if causes else str(error)
