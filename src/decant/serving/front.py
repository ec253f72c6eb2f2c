"""What stands before an application: refusing what it cannot do in time, and saying goodbye when it ends.

A refusal is made of bytes that are there already, before Flask does any work: an answer that costs as much as a request
helps nobody. Health and metrics are always answered; so is what has a place already.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from decant.http.health import PATHS
from decant.http.problem import ProblemDocument, type_of
from decant.kit.incoming import ARRIVED
from decant.observe.metrics import Family, counter
from decant.rpc import DEADLINE_HEADER, SERVICE_TOKEN_HEADER
from decant.serving.admission import PLACE, UNREAD, Places

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger("decant.serving")

AHEAD_BYTES: Final = 64 * 1024
"""A body of this size is read before its request takes a place."""

RETRY_AFTER_S: Final = 1
SAY_EVERY_S: Final = 10.0

refusals = Family(
    counter(
        "decant_requests_refused_total",
        "Requests that were answered without running: overloaded, or past their deadline.",
        ("reason",),
    )
)

_millis = re.compile("[0-9]{1,9}").fullmatch
_request_id = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch


def _variable(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


_TOKEN, _DEADLINE = _variable(SERVICE_TOKEN_HEADER), _variable(DEADLINE_HEADER)


class _Refusal(NamedTuple):
    """An answer that is ready before it is needed."""

    reason: str
    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def _refusal(status: int, code: str, title: str, detail: str, *more: tuple[str, str]) -> _Refusal:
    document = ProblemDocument(status=status, code=code, title=title, detail=detail, type=type_of(code))
    body = json.dumps(document.members()).encode()
    headers = (("Content-Type", "application/problem+json"), ("Content-Length", str(len(body))))
    return _Refusal(code, f"{status} {title}", (*headers, ("Cache-Control", "no-store"), *more), body)


OVERLOADED: Final = _refusal(
    503, "overloaded", "Overloaded", "This service has as much to do as it can; nothing was done.",
    ("Retry-After", str(RETRY_AFTER_S)),
)  # fmt: skip
TOO_LATE: Final = _refusal(
    504, "deadline-exceeded", "Deadline exceeded", "The deadline passed before the request began; nothing was done."
)


class Front:
    """WSGI middleware: the outermost, before anything of the application.

    Args:
        app: The application.
        places: How many requests run and wait; None for no bound.
        leaving: Set when the process begins to stop: from then on each answer ends its connection.
        spared: Paths that are answered always.
    """

    def __init__(
        self,
        app: WSGIApplication,
        places: Places | None,
        leaving: threading.Event,
        spared: Iterable[str] = (*PATHS, "/metrics"),
    ) -> None:
        self._app = app
        self._places = places
        self._leaving = leaving
        self._spared = frozenset(spared)
        self._tally = _Tally()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._leaving.is_set():
            start_response = _closing(start_response)
        places = self._places
        if places is None or environ.get("PATH_INFO") in self._spared:
            return self._app(environ, start_response)
        environ[ARRIVED] = arrived = time.monotonic()
        if not environ.get("CONTENT_LENGTH", "0").strip("0") and "HTTP_TRANSFER_ENCODING" not in environ:
            return self._run(places, arrived, environ, start_response)
        if not places.begin_reading():
            return self._refuse(OVERLOADED, environ, _closing(start_response))
        place = _Place(places.end_reading)
        try:
            if not _read_ahead(environ):  # nobody knows for how long it goes on: it runs where it is read
                return _Body(self._app(environ, start_response), place)
        except BaseException:
            place()
            raise
        place()
        return self._run(places, arrived, environ, start_response)

    def _run(
        self, places: Places, arrived: float, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        deadline = _deadline(environ, arrived)
        if not places.enter(None if deadline is None else deadline - time.monotonic()):
            late = deadline is not None and time.monotonic() >= deadline
            return self._refuse(TOO_LATE if late else OVERLOADED, environ, start_response)
        place = environ[PLACE] = _Place(places.leave)
        if deadline is not None and time.monotonic() >= deadline:
            place()
            return self._refuse(TOO_LATE, environ, start_response)
        try:
            return _Body(self._app(environ, start_response), place)
        except BaseException:
            place()
            raise

    def _refuse(self, refusal: _Refusal, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        environ[UNREAD] = True
        refusals.child(refusal.reason).inc()
        self._tally.add(self._places)
        headers = list(refusal.headers)
        request_id = environ.get("HTTP_X_REQUEST_ID")
        if request_id is not None and _request_id(request_id):
            headers.append(("X-Request-ID", request_id))
        start_response(refusal.status, headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [refusal.body]


def _deadline(environ: WSGIEnvironment, arrived: float) -> float | None:
    """Return when a calling service stops waiting.

    Its token is not looked at yet, since that costs more than a refusal should: whoever forges one can have its own
    request refused earlier, and nothing else.
    """
    if _TOKEN not in environ:
        return None
    header = environ.get(_DEADLINE)
    return arrived + int(header) / 1000 if header is not None and _millis(header) else None


def _read_ahead(environ: WSGIEnvironment) -> bool:
    """Read a small body to its end, so that its request holds no place while a slow client sends it."""
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ or not length.isdecimal() or int(length) > AHEAD_BYTES:
        return False
    environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(length)))
    return True


def _closing(start_response: StartResponse) -> Any:
    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
        return start_response(status, [*headers, ("Connection", "close")], *more)

    return start


class _Place:
    """Gives a place back, once."""

    __slots__ = ("_give_back", "_held")

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._held = threading.Lock()

    def __call__(self) -> None:
        if self._held.acquire(blocking=False):
            self._give_back()


class _Body:
    """An answer's body, which keeps the request's place until the server has sent it."""

    __slots__ = ("_body", "_place")

    def __init__(self, body: Iterable[bytes], place: _Place) -> None:
        self._body = body
        self._place = place

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._place()


class _Tally:
    """Says once in a while how many were refused: a line for each would be load of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._said_at = -SAY_EVERY_S

    def add(self, places: Places | None) -> None:
        with self._lock:
            self._count += 1
            now = time.monotonic()
            if now - self._said_at < SAY_EVERY_S:
                return
            count, self._count, self._said_at = self._count, 0, now
        if places is not None:
            logger.warning(
                "overloaded: %d refused since the last such line; %d run (%d may), %d wait",
                count,
                places.running,
                places.limit,
                places.waiting,
            )
