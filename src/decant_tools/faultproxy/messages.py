"""HTTP/1.1 messages as they pass by: where each ends, and whether a request may be repeated.

The bytes are passed on as they came; the parser only watches.
"""

from __future__ import annotations

import httptools

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Request:
    """A request while its bytes arrive.

    Attributes:
        raw: The bytes so far.
        complete: Whether it has arrived as a whole.
        opaque: Whether it cannot be followed: an upgrade, one that waits for ``100 Continue``, two at once, no HTTP.
    """

    def __init__(self) -> None:
        self.raw = bytearray()
        self.complete = False
        self.opaque = False
        self._keyed = False
        self._parser = httptools.HttpRequestParser(self)

    @property
    def method(self) -> str:
        return str(self._parser.get_method().decode("ascii"))

    @property
    def repeatable(self) -> bool:
        """Whether it may arrive twice: a read, or one with an idempotency key."""
        return self._keyed or self.method in READS

    def feed(self, data: bytes) -> None:
        self.raw += data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.opaque = True

    def on_message_begin(self) -> None:
        self.opaque = self.opaque or self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        self._keyed = self._keyed or (name.lower() == b"idempotency-key" and bool(value.strip()))
        self.opaque = self.opaque or name.lower() == b"expect"

    def on_message_complete(self) -> None:
        self.complete = True


class Answer:
    """An answer while its bytes pass by.

    Attributes:
        begun: Whether its head has arrived.
        complete: Whether it has passed as a whole.
        last: Whether the connection ends with it.

    Args:
        method: Of the request; the answer to HEAD has no body.
    """

    def __init__(self, method: str) -> None:
        self.begun = False
        self.complete = False
        self.last = False
        self._head = method == "HEAD"
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.last = True  # goes on until the service closes

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            return
        self.begun = True
        self.last = not self._parser.should_keep_alive()
        self.complete = self._head

    def on_message_complete(self) -> None:
        self.complete = self.begun
