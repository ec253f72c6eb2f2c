"""Where a request begins and ends: a strict grammar first, llhttp second, and both must agree.

What RFC 9112 lets a recipient be lenient about is refused here, since the server behind may be lenient in another way:
bare CR or LF, folded lines, white space before a colon, two lengths, a length and an encoding, odd chunks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import httptools

from decant.gateway.headers import Field, lower, lowered, twins
from decant.gateway.limits import Limits
from decant.gateway.problems import Refused

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELD = _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n"
_HEAD = re.compile(rb"[A-Z][A-Z-]{0,31}+ [\x21\x22\x24-\x7e]++ HTTP/1\.[01]\r\n(?:" + _FIELD + rb")*+\r\n").fullmatch
_OTHER_VERSION = re.compile(rb"[A-Z-]+ [^ \r\n]+ HTTP/(?!1\.[01]\r\n)[0-9](?:\.[0-9])?\r\n").match
_STRAY = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\x00").search
_FIELDS = re.compile(rb"([^:\r\n]++):[ \t]*+([^\r]*+)\r\n").findall  # of a head that matches the grammar above
_UPGRADE = re.compile(rb"(?<=\n)upgrade:[^\r]*\r\n", re.IGNORECASE).sub
_CHUNK = re.compile(
    rb"([0-9A-Fa-f]{1,15})(?:;" + _TOKEN + rb"+(?:=(?:" + _TOKEN + rb'+|"[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]*"))?)*'
).fullmatch
_TRAILER = re.compile(_FIELD).fullmatch
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z_](?:[0-9A-Za-z_-]|\.(?!\.)){0,254})(?::([0-9]{1,5}))?"
).fullmatch
_LENGTH = re.compile(rb"[0-9]{1,18}").fullmatch

CHUNK_LINE_BYTES = 1_024
TRAILER_BYTES = 8_192
HOSTS_KEPT = 1_024
_hosts: set[bytes] = set()
CHUNKED = -1
"""The length of a body that comes in chunks."""


class RequestHead:
    """The head of a request, as it was sent and found sound.

    Attributes:
        method: As sent.
        target: As sent.
        minor: The minor version: 1 for HTTP/1.1.
        fields: The headers, names in lower case.
        named: The last header of each name.
        host: The ``Host`` header, or empty for HTTP/1.0 without one.
        length: Bytes of the body, or :data:`CHUNKED`.
        keep_alive: Whether the client wants to use the connection again.
    """

    __slots__ = ("fields", "host", "keep_alive", "length", "method", "minor", "named", "target")

    def __init__(self, method: str = "", target: bytes = b"", minor: int = 1, fields: Sequence[Field] = ()) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        self.fields = fields
        self.named = dict(fields)
        self.host = b""
        self.length = 0
        self.keep_alive = False

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all headers of a name, given in lower case."""
        only = self.named.get(name)
        if only is None:
            return []
        if len(self.named) == len(self.fields):  # as most often: no name is there twice
            return [only]
        return [value for found, value in self.fields if found == name]


class Listener(Protocol):
    """Gets a request in parts."""

    def on_head(self, head: RequestHead) -> None:
        """Begin a request."""

    def on_body(self, data: bytes) -> None:
        """Take a part of its body."""

    def on_end(self) -> None:
        """It is complete."""


class RequestReader:
    """Reads the requests of one connection, one after the other.

    After each request it holds what follows until :meth:`next` is called.

    Args:
        listener: Gets the parts.
        limits: How long things may be.
    """

    def __init__(self, listener: Listener, limits: Limits) -> None:
        self._listener = listener
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._buffer = bytearray()
        self._scanned = 0
        self._skipped = False
        self._running = False
        self._head: RequestHead | None = None
        self._left = 0
        self._complete = False
        self._keep_alive = False
        self._fed = 0
        self._step: Callable[[], bool] = self._read_head
        self._trailer_bytes = 0
        self.holding = False
        self.dead = False

    @property
    def pending(self) -> int:
        """Bytes that were received and not read yet."""
        return len(self._buffer)

    @property
    def between(self) -> bool:
        """Whether nothing of the next request is there."""
        return self._head is None and not self._buffer

    def feed(self, data: bytes) -> None:
        """Take what was received.

        Raises:
            Refused: When it is not a sound request; nothing more is read then.
        """
        if self.dead:
            return
        if self._buffer or self.holding or not self._feed_whole(data):
            self._buffer += data
            self._run()

    def _feed_whole(self, data: bytes) -> bool:
        """Read without a copy what is most usual: one head without a body, or a part of a body."""
        if (
            self._head is None
            and data[-4:] == b"\r\n\r\n"
            and data.find(b"\r\n\r\n") == len(data) - 4
            and data[0] != 13
        ):
            self._run(self._read_whole_head, data)
        elif self._left >= len(data) and self._step == self._read_body:
            self._run(self._read_part, data)
        else:
            return False
        return True

    def next(self) -> None:
        """Go on with the next request."""
        self.holding = False
        if not self._running:  # else the loop that is running goes on
            self._run()

    def stop(self) -> None:
        """Read nothing more."""
        self.dead = True
        self._buffer.clear()

    def _run(self, first: Callable[[bytes], None] | None = None, data: bytes = b"") -> None:
        self._running = True
        try:
            if first is not None:
                first(data)
            while self._buffer and not self.holding and not self.dead and self._step():
                pass
        except httptools.HttpParserError as error:
            self.dead = True
            raise _malformed("cannot be parsed") from error
        except Refused:
            self.dead = True
            raise
        finally:
            self._running = False

    # -- the head --

    def _read_head(self) -> bool:
        buffer = self._buffer
        if not self._skipped and buffer[0] == 13:  # RFC 9112, 2.2: one empty line is to be ignored
            if len(buffer) == 1:
                return False
            self._skipped = True
            if buffer[1] == 10:
                del buffer[:2]
                return True
        start = max(0, self._scanned - 3)
        end = buffer.find(b"\r\n\r\n", start)
        if end < 0:
            self._check_partial(start)
            self._scanned = len(buffer)
            return False
        raw = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        self._read_whole_head(raw)
        return True

    def _read_whole_head(self, raw: bytes) -> None:
        self._scanned = 0
        self._skipped = False
        self._check_size(raw)
        if _HEAD(raw) is None:
            if _OTHER_VERSION(raw):
                raise Refused(505, "This server speaks HTTP/1.1.", closes=True)
            raise _malformed("has a head that breaks the rules of HTTP/1.1")
        self._parse(raw)

    def _check_partial(self, start: int) -> None:
        buffer = self._buffer
        if len(buffer) > self._limits.header_bytes:
            self._check_size(bytes(buffer))
        if _STRAY(buffer, start):
            raise _malformed("has a bare line feed, a bare carriage return or a NUL in its head")
        if not buffer[:1].isupper():
            raise _malformed("does not begin with a method")

    def _check_size(self, raw: bytes) -> None:
        limits = self._limits
        line = raw.find(b"\r\n")
        target = (len(raw) if line < 0 else line) - 15
        if target > limits.target_bytes:
            raise Refused(414, f"The address is longer than {limits.target_bytes} bytes.", closes=True)
        if len(raw) > limits.header_bytes:
            raise Refused(431, f"The headers are longer than {limits.header_bytes} bytes.", closes=True)
        if raw.count(b"\r\n") - 2 > limits.header_count:
            raise Refused(431, f"There are more than {limits.header_count} headers.", closes=True)

    def _parse(self, raw: bytes) -> None:
        self._complete = False
        head = self._head = _split(raw)
        if b"upgrade" in head.named:  # nothing is upgraded here, and llhttp takes what follows for another protocol
            raw = _UPGRADE(b"", raw)
        self._feed(raw)
        head.keep_alive = self._keep_alive
        head.host = _host_of(head)
        head.length = _length_of(head)
        self._left = head.length
        if (head.length == 0) != self._complete:
            raise _malformed("has a body whose length is unclear")
        self._step = self._read_body if head.length > 0 else self._read_chunk_line
        self._trailer_bytes = 0
        self._listener.on_head(head)
        if head.length == 0:
            self._end()

    def _feed(self, data: bytes | memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # CONNECT, which is refused
            self._parser = httptools.HttpRequestParser(self)
        except httptools.HttpParserInvalidMethodError:
            self.dead = True
            raise Refused(501, "The method is not known here.", closes=True) from None

    def on_headers_complete(self) -> None:
        self._keep_alive = self._parser.should_keep_alive()  # llhttp forgets it afterwards

    def on_message_complete(self) -> None:
        self._complete = True

    # -- the body --

    def on_body(self, data: bytes) -> None:
        self._fed += len(data)
        if data and not self.dead:
            self._listener.on_body(data)

    def _take(self, count: int) -> None:
        """Give the first bytes to llhttp, which hands over what is body in them."""
        part = bytes(self._buffer) if count >= len(self._buffer) else bytes(self._buffer[:count])
        del self._buffer[:count]
        self._feed(part)

    def _read_body(self) -> bool:
        part = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._read_part(part)
        return True

    def _read_part(self, part: bytes) -> None:
        self._left -= len(part)
        self._feed(part)
        if not self._left:
            self._end()

    def _read_chunk_line(self) -> bool:
        end = self._buffer.find(b"\r\n", 0, CHUNK_LINE_BYTES)
        if end < 0:
            if len(self._buffer) >= CHUNK_LINE_BYTES or _STRAY(self._buffer):
                raise _malformed("has a chunk whose size cannot be read")
            return False
        match = _CHUNK(self._buffer, 0, end)
        if match is None:
            raise _malformed("has a chunk whose size cannot be read")
        self._left = int(match[1], 16)
        del match  # it holds the buffer
        self._take(end + 2)
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        count = min(self._left, len(self._buffer))
        self._left -= count
        before = self._fed
        self._take(count)
        if self._fed - before != count:
            raise _malformed("has a chunk of another size than it says")
        if not self._left:
            self._step = self._read_chunk_end
        return True

    def _read_chunk_end(self) -> bool:
        if self._buffer == b"\r":
            return False
        if self._buffer[:2] != b"\r\n":
            raise _malformed("has a chunk that is longer than it says")
        self._take(2)
        self._step = self._read_chunk_line
        return True

    def _read_trailer(self) -> bool:
        end = self._buffer.find(b"\r\n", 0, TRAILER_BYTES)
        if end < 0:
            if len(self._buffer) >= TRAILER_BYTES or _STRAY(self._buffer):
                raise _malformed("has trailers that cannot be read")
            return False
        line = bytes(self._buffer[: end + 2])
        self._trailer_bytes += len(line)
        if line != b"\r\n" and (_TRAILER(line) is None or self._trailer_bytes > TRAILER_BYTES):
            raise _malformed("has trailers that cannot be read")
        self._take(end + 2)
        if line == b"\r\n":
            self._end()
        return True

    def _end(self) -> None:
        if self.dead:
            return
        if not self._complete:
            raise _malformed("has a body whose end is unclear")
        self._head = None
        self._step = self._read_head
        self._scanned = 0
        self.holding = True
        self._listener.on_end()


def _split(raw: bytes) -> RequestHead:
    line = raw.index(b"\r\n")
    method, target, version = raw[:line].split(b" ")
    fields = [(lowered(name) or lower(name), value.rstrip(b" \t")) for name, value in _FIELDS(raw, line + 2)]
    return RequestHead(method.decode("ascii"), target, 1 if version == b"HTTP/1.1" else 0, fields)


def _host_of(head: RequestHead) -> bytes:
    hosts = head.values(b"host")
    if len(hosts) > 1 or (not hosts and head.minor == 1):
        raise _malformed("needs exactly one Host header")
    if not hosts:
        return b""
    host = hosts[0]
    if host not in _hosts:
        match = _HOST(host)
        if match is None or int(match[1] or 1) > 65_535:
            raise _malformed("has a Host header that is no host")
        if len(_hosts) < HOSTS_KEPT:
            _hosts.add(host)
    return host


def _length_of(head: RequestHead) -> int:
    named = head.named
    if twins and not twins.isdisjoint(named):
        raise _malformed("has a header that could be read as one for its length")
    if b"content-length" not in named and b"transfer-encoding" not in named:
        return 0
    lengths, encodings = head.values(b"content-length"), head.values(b"transfer-encoding")
    if lengths and encodings:
        raise _malformed("has both a Content-Length and a Transfer-Encoding")
    if encodings:
        if len(encodings) > 1 or encodings[0].lower() != b"chunked" or head.minor == 0:
            raise _malformed("has a Transfer-Encoding other than one `chunked`")
        return CHUNKED
    if len(lengths) > 1 or _LENGTH(lengths[0]) is None:
        raise _malformed("has a Content-Length that is not one plain number")
    return int(lengths[0])


def _malformed(what: str) -> Refused:
    return Refused(400, f"The request {what}.", closes=True)
