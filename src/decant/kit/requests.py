"""One request, from its first hook to its last byte.

Measured, not guessed: a hook that touches Flask's ``request`` proxy pays for it each time, so the
request object is fetched once per hook; what depends only on method, route and status is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from flask import Flask, got_request_exception
from flask import request as request_proxy

from decant.context import EMPTY, CallContext, Caller, current
from decant.kit.incoming import incoming_context
from decant.observe.logging import AccessLog, access_log
from decant.observe.metrics import UNMATCHED, exceptions, method_label, requests
from decant.observe.tracing.spans import SERVER, spans

if TYPE_CHECKING:
    from contextvars import Token

    from flask import Request, Response

    from decant.kit.settings import KitSettings

Identify: TypeAlias = Callable[[str | None, bool], Caller]
"""Returns who asks, for an ``Authorization`` header and whether the request only reads (GET, HEAD, OPTIONS)."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})

ASKED_PATH = "decant.asked"
"""The environ key of the path that was asked for, where ``PATH_INFO`` was changed so that it leads nowhere."""

STATE = "decant.kit.request"
"""The environ key of a request's :class:`Observed`."""

MAX_PATH_CHARS = 1024


class Observed:
    """What is kept of a request until it is over."""

    __slots__ = (
        "closed",
        "context",
        "error",
        "finished",
        "method",
        "parent_id",
        "path",
        "route",
        "started",
        "started_ns",
        "token",
    )

    def __init__(self, request: Request, context: CallContext, parent_id: str) -> None:
        self.started = perf_counter()
        self.started_ns = time_ns()
        self.context = context
        self.parent_id = parent_id
        self.method = request.method
        environ = request.environ
        self.path: str = environ.get(ASKED_PATH) or environ.get("PATH_INFO", "")
        rule = request.url_rule
        self.route: str = UNMATCHED if rule is None else rule.rule
        self.error: str | None = None
        self.finished = False  # the outcome is known, or will be when the stream ends
        self.closed = False
        self.token: Token[CallContext] | None = None


class _Outcome:
    """What all requests with the same method, route and status share."""

    __slots__ = ("attributes", "logged", "observe", "span_name")

    def __init__(self, method: str, route: str, status: int, quiet: bool) -> None:
        label = method_label(method)
        self.observe: Callable[[float], None] = requests.child(label, route, str(status)).observe
        self.span_name = f"{label} {route}" if route != UNMATCHED else label
        self.attributes = {"http.request.method": label, "http.response.status_code": status}
        if route != UNMATCHED:
            self.attributes["http.route"] = route
        self.logged = not quiet or status >= 500


class RequestHooks:
    """The kit's three hooks on an application.

    Args:
        settings: The kit's switches.
        on_first: Called once, before the first request of the process.
        identify: Tells who asks.
    """

    def __init__(self, settings: KitSettings, on_first: Callable[[], object], identify: Identify | None = None) -> None:
        self.identify = identify
        self._settings = settings
        self._on_first: Callable[[], object] | None = on_first
        self._access: AccessLog | None = None
        self._outcomes: dict[tuple[str, str, int], _Outcome] = {}
        self._quiet = frozenset(settings.quiet_routes)
        self._security = _security_headers(settings)
        self._html = _html_headers(settings)

    def install(self, app: Flask) -> None:
        """Run before all other hooks of the application on the way in, and after them on the way out."""
        app.before_request_funcs.setdefault(None, []).insert(0, self.begin)
        app.after_request_funcs.setdefault(None, []).insert(0, self.end)
        app.teardown_request_funcs.setdefault(None, []).insert(0, self.teardown)
        got_request_exception.connect(self._on_exception, app)

    def begin(self) -> None:
        """Set the context in which the request is answered."""
        request = _current_request()
        context = self._begin(request).context
        if self.identify is not None and context.authorization is not None:
            caller = self.identify(context.authorization, request.method in READING)
            if context.caller.service is not None:
                caller = caller.of_service(context.caller.service)
            context.caller = caller  # in place: nobody else has seen this context yet

    def _begin(self, request: Request) -> Observed:
        if self._on_first is not None:
            self._first()
        environ = request.environ
        settings = self._settings
        context, parent_id = incoming_context(
            environ, deadline_s=settings.deadline_s, sample=settings.trace_sample
        )  # fmt: skip
        observed = environ[STATE] = Observed(request, context, parent_id)
        observed.token = current.set(context)
        return observed

    def _first(self) -> None:
        on_first, self._on_first = self._on_first, None
        if self._settings.access_log:
            self._access = access_log()
        if on_first is not None:
            on_first()

    def end(self, response: Response) -> Response:
        """Add the kit's headers; close the books, or have them closed when the stream ends."""
        request = _current_request()
        # A request that failed before the first hook begins here.
        observed: Observed = request.environ.get(STATE) or self._begin(request)
        self._add_headers(response, observed, request)
        body = response.response
        if type(body) is list:
            single = len(body) == 1 and type(body[0]) is bytes
            length = len(body[0]) if single else response.calculate_content_length()
            self._finish(observed, response.status_code, length)
        elif response.direct_passthrough:  # a file, handed to the server as it is: nobody tells when it is sent
            self._finish(observed, response.status_code, response.content_length)
        else:
            self._finish_later(observed, response)
        return response

    def _finish_later(self, observed: Observed, response: Response) -> None:
        status = response.status_code
        stream = response.response = Stream(cast(Iterable[Any], response.response), observed)
        observed.finished = True
        response.call_on_close(lambda: self._close(observed, status, stream.length))

    def teardown(self, error: BaseException | None = None) -> None:
        """Put the context back as it was; close the books of a request that ended in an exception."""
        observed: Observed | None = _current_request().environ.get(STATE)
        if observed is None or observed.token is None:
            return
        if not observed.finished:
            if error is not None:
                observed.error = type(error).__qualname__
            self._finish(observed, 500, None)
        token, observed.token = observed.token, None
        try:
            current.reset(token)
        except ValueError:  # torn down in another context than it began in
            current.set(EMPTY)

    def _on_exception(self, _app: Flask, exception: BaseException, **_: Any) -> None:
        name = type(exception).__qualname__
        exceptions.child(name).inc()
        observed: Observed | None = _current_request().environ.get(STATE)
        if observed is not None:
            observed.error = name

    def _finish(self, observed: Observed, status: int, length: int | None) -> None:
        if not observed.finished:
            observed.finished = True
            here = current.get()
            if here.span_id == observed.context.span_id:  # who asks may have become known meanwhile
                observed.context = here
            self._close(observed, status, length)

    def _close(self, observed: Observed, status: int, length: int | None) -> None:
        if observed.closed:  # servers may close a stream twice
            return
        observed.closed = True
        duration_s = perf_counter() - observed.started
        method, route = observed.method, observed.route
        outcome = self._outcomes.get((method, route, status))
        if outcome is None:
            outcome = self._outcome(method, route, status)
        if self._settings.metrics:
            outcome.observe(duration_s)
        if not outcome.logged:
            return
        context, path = observed.context, observed.path
        if not path.isascii():
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        if spans.recording and context.sampled:
            self._record(observed, outcome, status, path, duration_s)
        if self._access is not None:
            self._access.write(context, method, route, path, status, duration_s, length)

    def _record(self, observed: Observed, outcome: _Outcome, status: int, path: str, duration_s: float) -> None:
        context = observed.context
        spans.record(
            outcome.span_name,
            SERVER,
            context.trace_id,
            context.span_id,
            observed.parent_id,
            observed.started_ns,
            observed.started_ns + int(duration_s * 1e9),  # right even when the clock is set meanwhile
            {**outcome.attributes, "url.path": path[:MAX_PATH_CHARS]},
            None if status < 500 else observed.error or str(status),
        )

    def _outcome(self, method: str, route: str, status: int) -> _Outcome:
        outcome = _Outcome(method, route, status, route in self._quiet)
        if outcome.attributes["http.request.method"] == method:  # strange methods are as many as someone likes
            self._outcomes[method, route, status] = outcome
        return outcome

    def _add_headers(self, response: Response, observed: Observed, request: Request) -> None:
        headers = response.headers
        present = {name.lower(): value for name, value in headers}
        if "x-request-id" not in present:
            headers.add("X-Request-ID", observed.context.request_id)
        for lowered, name, value in self._security:
            if lowered not in present:
                headers.add(name, value)
        if self._html and present.get("content-type", "").startswith("text/html"):
            for lowered, name, value in self._html:
                if lowered not in present:
                    headers.add(name, value)
        if observed.method == "OPTIONS" and "allow" in present:  # Flask has them in a set: another order each time
            headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        if self._settings.hsts_s and request.is_secure and "strict-transport-security" not in present:
            headers.add("Strict-Transport-Security", f"max-age={self._settings.hsts_s}; includeSubDomains")


class Stream:
    """A streamed body that counts its bytes and runs in the context of its request.

    Attributes:
        length: Bytes sent so far.
    """

    def __init__(self, body: Iterable[Any], observed: Observed) -> None:
        self._body = body
        self._parts: Iterator[Any] | None = None
        self._observed = observed
        self.length = 0

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        token = current.set(self._observed.context)
        try:
            if self._parts is None:
                self._parts = iter(self._body)
            part = next(self._parts)
        finally:
            self._leave(token)
        self.length += len(part)
        return part

    def close(self) -> None:
        """End the body; a generator's ``finally`` runs in the context too."""
        close = getattr(self._body, "close", None)
        if close is not None:
            token = current.set(self._observed.context)
            try:
                close()
            finally:
                self._leave(token)

    def _leave(self, token: Token[CallContext]) -> None:
        current.reset(token)
        # Before 3.1 Flask tears a request down inside of its stream: what was there when it began is over too.
        if self._observed.token is None and current.get() is self._observed.context:
            current.set(EMPTY)


def _current_request() -> Request:
    return cast("Request", request_proxy._get_current_object())  # type: ignore[attr-defined]


def _lowered(*pairs: tuple[str, str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((name.lower(), name, value) for name, value in pairs)


def _security_headers(settings: KitSettings) -> tuple[tuple[str, str, str], ...]:
    if not settings.security_headers:
        return ()
    return _lowered(("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"))


def _html_headers(settings: KitSettings) -> tuple[tuple[str, str, str], ...]:
    if not settings.security_headers:
        return ()
    frames = _lowered(("X-Frame-Options", "SAMEORIGIN"))
    policy = settings.content_security_policy
    return frames if policy is None else (*frames, *_lowered(("Content-Security-Policy", policy)))
