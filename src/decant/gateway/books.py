"""What is told of each request: a log line, metrics by route and by service, a span."""

from __future__ import annotations

import time
from typing import Any

from decant.gateway.identity import Identity
from decant.observe.logging import AccessLog, access_log
from decant.observe.metrics import UNMATCHED, Family, gauge, histogram, method_label, requests
from decant.observe.tracing.spans import SERVER, spans

upstream_requests: Family[Any] = Family(
    histogram(
        "decant_gateway_upstream_duration_seconds",
        "Duration of requests sent on, from the choice of an address to the end of the answer.",
        ("upstream", "http_response_status_code"),
    )
)
connections_open = gauge("decant_gateway_connections", "Connections of clients that are open.")

CLIENT_GONE = 499
"""The status of a request whose client hung up, as nginx has it; nobody receives it."""


class Books:
    """Writes down how requests ended.

    Args:
        access: Whether a log line is written for each.
    """

    def __init__(self, *, access: bool = True) -> None:
        self._access: AccessLog | None = access_log() if access else None
        self._outcomes: dict[tuple[str, str, str, int], tuple[Any, Any, str, str]] = {}

    def close(  # noqa: PLR0917 - once per request
        self,
        identity: Identity,
        method: str,
        route: str,
        path: str,
        upstream: str,
        status: int,
        started: float,
        length: int,
    ) -> None:
        """Close the books of one request.

        Args:
            identity: Its ids.
            method: As sent.
            route: How it is named; "" for none.
            path: As routed, or as sent where it could not be routed.
            upstream: The service that it was sent on to, or "".
            status: What the client got.
            started: :func:`time.perf_counter` when its head was there.
            length: Bytes of the answer's body.
        """
        duration_s = time.perf_counter() - started
        key = (method, route, upstream, status)
        found = self._outcomes.get(key)
        if found is None:
            found = self._outcome(key)
        observe, observe_upstream, label, name = found
        observe(duration_s)
        if observe_upstream is not None:
            observe_upstream(duration_s)
        if spans.recording and identity.sampled:
            self._record(identity, label, name, path, upstream, status, duration_s)
        if self._access is not None:
            self._access.write(identity.context(), label, name, path, status, duration_s, length)

    def _outcome(self, key: tuple[str, str, str, int]) -> tuple[Any, Any, str, str]:
        method, route, upstream, status = key
        label, name = method_label(method), route or UNMATCHED
        observe = requests.child(label, name, str(status)).observe
        observe_upstream = upstream_requests.child(upstream, str(status)).observe if upstream else None
        found = (observe, observe_upstream, label, name)
        if label == method and len(self._outcomes) < 5_000:  # strange methods are as many as someone likes
            self._outcomes[key] = found
        return found

    @staticmethod
    def _record(  # noqa: PLR0917 - as above
        identity: Identity, method: str, route: str, path: str, upstream: str, status: int, duration_s: float
    ) -> None:
        end_ns = time.time_ns()
        attributes: dict[str, Any] = {
            "http.request.method": method,
            "http.response.status_code": status,
            "http.route": route,
            "url.path": path[:1024],
        }
        if upstream:
            attributes["peer.service"] = upstream
        spans.record(
            f"{method} {route}",
            SERVER,
            identity.trace_id,
            identity.span_id,
            identity.parent_id,
            end_ns - int(duration_s * 1e9),
            end_ns,
            attributes,
            str(status) if status >= 500 else None,
        )
