"""A server under test, the streams that a client holds open, and waiting for conditions."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support import waiting


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 15.0) -> Any:
    """Return the condition's first true value; say what was seen last when there is none in time."""

    def asked() -> Any:
        try:
            return condition()
        except http.client.HTTPException as error:  # an answer that was cut short is no answer yet
            raise ConnectionError(repr(error)) from error

    return waiting.wait_until(asked, within_s=timeout_s, what=what)


def alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Return the processes that one started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found


class Stream:
    """One open stream, read from a plain socket."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.seen = b""

    @property
    def status(self) -> int:
        return int(self.seen.split(b" ", 2)[1])

    @property
    def headers(self) -> bytes:
        return self.seen.partition(b"\r\n\r\n")[0].lower()

    @property
    def ended(self) -> bool:
        """Whether the answer came to its proper end (the last chunk)."""
        return self.seen.endswith(b"0\r\n\r\n")

    def read_until(self, wanted: bytes, timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while wanted not in self.seen:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            chunk = self.socket.recv(65536)
            if not chunk:
                raise AssertionError(f"the stream closed before {wanted!r}: {self.seen!r}")
            self.seen += chunk

    def read_to_end(self, timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not self.ended:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            chunk = self.socket.recv(65536)
            if not chunk:
                return
            self.seen += chunk

    def close(self) -> None:
        self.socket.close()


class Service:
    """A server under test."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.streams: list[Stream] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self.log.read_text()

    def get(self, path: str, timeout_s: float = 10.0) -> tuple[int, Any]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if answer.headers.get_content_type() == "application/json" else body

    def ready(self) -> Service:
        def answers() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.output}")
            return self.get("/fast")[0] == 200

        wait_until(answers, "the server answers")
        return self

    def stream(self, path: str = "/stream") -> Stream:
        stream = Stream(self.port, path)
        self.streams.append(stream)
        stream.read_until(b"\r\n\r\n")
        return stream

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self, timeout_s: float = 15.0) -> int:
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server still runs after {timeout_s:g} s:\n{self.output}") from None

    def end(self) -> None:
        for stream in self.streams:
            stream.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
