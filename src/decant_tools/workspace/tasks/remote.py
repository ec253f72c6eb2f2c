"""Results that others kept, by URL: never trusted unseen, never waited for long, never a reason to fail.

Shape:
    An object is a kept result (:mod:`~decant_tools.workspace.tasks.entry`); where a key is shared, a line stands before
    it: ``hmac-sha256 HEX``, over the result and therefore over what it was found by.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import IO, Any

from decant.errors import CommandError
from decant_tools.workspace.tasks.entry import CHUNK_BYTES, Damaged, Entry
from decant_tools.workspace.tasks.places import KEY, MODE, Place, find_place
from decant_tools.workspace.tasks.store import Store

SILENT_S = 10.0
"""Seconds for which a server may say nothing."""

REQUEST_S = 120.0
"""Seconds that one request may take in all."""

CLOSED_WITHIN_S = 60.0
"""Seconds for which a run waits at its end for results that are still being sent."""

_SIGNED = b"hmac-sha256 "
_SIGNATURE_BYTES = len(_SIGNED) + 64 + 1
_EMPTY = hashlib.sha256(b"").hexdigest()
_UNREACHABLE = (OSError, http.client.HTTPException, ValueError)
_NOT_WHOLE = "it is cut or changed, or that of something else"


class _TooLarge(Damaged):
    """A result that others may well use."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is for one host."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class RemoteStore:
    """Results at a place that others use too.

    Args:
        place: Where.
        store: The local store, which gets what is found.
        key: What results are signed with, or b"".
        warn: Is told, once, why the place is not used any more.
        is_written: Whether new results are sent.
        silent_s: Seconds for which a server may say nothing.
        request_s: Seconds that one request may take.
    """

    def __init__(
        self, place: Place, store: Store, key: bytes, warn: Callable[[str], None], *, is_written: bool = True,
        silent_s: float = SILENT_S, request_s: float = REQUEST_S,
    ) -> None:  # fmt: skip
        self._place, self._store, self._key, self._warn = place, store, key, warn
        self._is_written = is_written
        self._silent_s, self._request_s = silent_s, request_s
        self._is_usable = True
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._taken: set[str] = set()
        self._refused: set[str] = set()
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._sender: threading.Thread | None = None
        self._opener = urllib.request.build_opener(_NoRedirect)

    def fetch(self, key: str) -> Entry | None:
        """Return a result, which then lies in the local store as well; None when there is none that can be used."""
        if not self._is_usable:
            return None
        try:
            with self._request("GET", key) as answer:
                self._take(key, answer)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != http.HTTPStatus.NOT_FOUND:
                self._give_up(f"it answers {error.code} {error.reason}")
            return None
        except _TooLarge as error:
            self._tell(f"A result of the remote cache is not used: {error}.")
            return None
        except Damaged as error:
            self._refuse(key, str(error))
            return None
        except http.client.IncompleteRead:
            self._refuse(key, _NOT_WHOLE)
            return None
        except _UNREACHABLE as error:
            self._give_up(_reason(error))
            return None
        self._taken.add(key)
        entry = self._store.get(key)
        if entry is None:
            self._refuse(key, _NOT_WHOLE)
        return entry

    def refuse(self, key: str, reason: str) -> None:
        """Hear that a result cannot be used: if it came from here, a fresh one takes its place."""
        if key in self._taken:
            self._refuse(key, reason)

    def _refuse(self, key: str, reason: str) -> None:
        self._refused.add(key)
        self._tell(f"A result of the remote cache is not used: {reason}.")

    def offer(self, entry: Entry) -> None:
        """Keep a result for others; nobody waits for it."""
        if not (self._is_written and self._is_usable):
            return
        if self._sender is None:
            self._sender = threading.Thread(target=self._send_all, name="remote cache", daemon=True)
            self._sender.start()
        self._waiting.put(entry)

    def close(self, within_s: float = CLOSED_WITHIN_S) -> None:
        """Wait until everything is sent, and not for long."""
        if self._sender is None:
            return
        self._waiting.put(None)
        self._sender.join(within_s)
        if self._sender.is_alive():
            self._tell(f"The remote cache takes longer than {within_s:g} s: some results were not sent.")

    # --- taking ---

    def _take(self, key: str, answer: IO[bytes]) -> None:
        """Put an answer into the local store if its signature is right; the store looks at the rest."""
        ends = time.monotonic() + self._request_s
        with self._store.writing(key) as file:
            first = _read(answer, _SIGNATURE_BYTES)
            is_signed = first.startswith(_SIGNED)
            if self._key and not is_signed:
                raise Damaged(f"it is not signed, and {KEY} is set")
            mac = hmac.new(self._key, digestmod="sha256")
            chunk = b"" if is_signed else first
            total = 0
            while True:
                mac.update(chunk)
                file.write(chunk)
                total += len(chunk)
                if time.monotonic() > ends:
                    raise TimeoutError(f"an answer took longer than {self._request_s:g} s")
                if total > self._store.limit_bytes:
                    raise _TooLarge("it is larger than the whole local cache may be")
                chunk = answer.read(CHUNK_BYTES)
                if not chunk:
                    break
            if self._key and not hmac.compare_digest(mac.hexdigest().encode(), first[len(_SIGNED) : -1]):
                raise Damaged(f"its signature is not that of {KEY}")

    # --- sending ---

    def _send_all(self) -> None:
        while (entry := self._waiting.get()) is not None:
            if not self._is_usable:
                continue
            try:
                self._send(entry)
            except urllib.error.HTTPError as error:
                error.close()
                self._give_up(f"it answers {error.code} {error.reason}")
            except FileNotFoundError:  # the local store needed its space
                continue
            except _UNREACHABLE as error:
                self._give_up(_reason(error))

    def _send(self, entry: Entry) -> None:
        key = entry.header.key
        if key not in self._refused and self._has(key):
            return
        with entry.path.open("rb") as file:
            head = _SIGNED + self._signature(file) + b"\n" if self._key else b""
            size = len(head) + file.seek(0, 2)
            file.seek(0)
            body = _Body(head, file, time.monotonic() + self._request_s)
            digest = hashlib.sha256()
            while chunk := body.read(CHUNK_BYTES):
                digest.update(chunk)
            file.seek(0)
            body = _Body(head, file, time.monotonic() + self._request_s)
            with self._request("PUT", key, body, size, digest.hexdigest()):
                pass

    def _has(self, key: str) -> bool:
        try:
            with self._request("HEAD", key):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return False  # also where HEAD is not known

    def _signature(self, file: IO[bytes]) -> bytes:
        mac = hmac.new(self._key, digestmod="sha256")
        while chunk := file.read(CHUNK_BYTES):
            mac.update(chunk)
        return mac.hexdigest().encode()

    # --- asking ---

    def _request(self, method: str, name: str, body: Any = None, size: int = 0, digest: str = _EMPTY) -> Any:
        url = self._place.url(name)
        headers = self._place.headers(method, url, digest)
        if body is not None:
            headers |= {"content-length": str(size), "content-type": "application/octet-stream"}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - http and https alone
        return self._opener.open(request, timeout=self._silent_s)

    def _give_up(self, reason: str) -> None:
        with self._lock:
            if self._is_usable:
                self._is_usable = False
                self._warn(f"The remote cache is not used any more in this run: {reason}.")

    def _tell(self, sentence: str) -> None:
        with self._lock:
            if sentence not in self._told:
                self._told.add(sentence)
                self._warn(sentence)


class _Body:
    """What is sent: a line and a file, until a deadline."""

    def __init__(self, head: bytes, file: IO[bytes], ends: float) -> None:
        self._head, self._file, self._ends = head, file, ends

    def read(self, size: int = -1) -> bytes:
        if time.monotonic() > self._ends:
            raise TimeoutError("sending took too long")
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._file.read(size)


def open_remote(url: str, store: Store, environ: Mapping[str, str], warn: Callable[[str], None]) -> RemoteStore | None:
    """Return the results at a URL, or None where they are turned off.

    Args:
        url: What ``[cache] url`` says.
        store: The local store.
        environ: ``DECANT_CACHE_MODE`` is ``read``, ``off`` or ``readwrite`` (the default); secrets are in here too.
        warn: Is told why the place is not used any more.

    Raises:
        CommandError: For an address or a mode that is none.
    """
    mode = environ.get(MODE) or "readwrite"
    if mode not in {"read", "readwrite", "off"}:
        raise CommandError(f"{MODE} is {mode!r}.", hint="It can be read, readwrite or off.", exit_code=3)
    if mode == "off":
        return None
    key = environ.get(KEY, "").encode("utf-8", "surrogateescape")
    return RemoteStore(find_place(url, environ), store, key, warn, is_written=mode == "readwrite")


def _read(answer: IO[bytes], size: int) -> bytes:
    found = b""
    while len(found) < size and (chunk := answer.read(size - len(found))):
        found += chunk
    return found


def _reason(error: BaseException) -> str:
    while isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        error = error.reason
    with contextlib.suppress(AttributeError):
        if strerror := error.strerror:  # type: ignore[attr-defined]
            return str(strerror)
    return str(error) or type(error).__name__
