"""Bounds on what a client may send, and on the time it may take."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from decant.gateway.limits import Limits
from tests.support.edge import Request, edge_running, read_all, read_answer, status_of
from tests.support.waiting import wait_until

QUICK = Limits(header_timeout_s=0.3, idle_timeout_s=0.3, body_timeout_s=0.3, write_timeout_s=0.3, linger_s=0.3)
HEAD = b"GET /p HTTP/1.1\r\nHost: a\r\n"


class TestSizes:
    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (HEAD + b"A: b\r\n" * 100 + b"\r\n", 431),
            (HEAD + b"A: " + b"b" * 40_000 + b"\r\n\r\n", 431),
            (HEAD + b"A" * 40_000, 431),
            (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            (b"GET /" + b"a" * 70_000, 414),
            (b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\nx", 413),
        ],
    )
    def test_what_is_too_big_is_answered_and_the_connection_closed(self, sent: bytes, status: int) -> None:
        with edge_running() as front:
            answer = front.ask(sent, until_closed=True)
            assert status_of(answer) == status
            assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["status"] == status
            assert front.service.heads == []

    def test_a_body_in_chunks_is_counted_as_it_comes(self) -> None:
        with edge_running() as front, front.connect() as one:
            one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            sender = threading.Thread(target=_send_until_closed, args=(one, b"10000\r\n" + b"x" * 65_536 + b"\r\n"))
            sender.start()
            answer = read_all(one)
            sender.join(10)
            assert status_of(answer) == 413
            assert front.service.requests == []


class TestTimes:
    @pytest.mark.parametrize("sent", [b"G", HEAD, HEAD + b"A: b\r\n"])
    def test_a_head_that_does_not_end_is_a_408(self, sent: bytes) -> None:
        with edge_running(QUICK) as front:
            assert status_of(front.ask(sent, until_closed=True)) == 408

    def test_a_head_that_trickles_is_a_408_too(self) -> None:
        with edge_running(QUICK) as front, front.connect() as one:
            sender = threading.Thread(target=_trickle, args=(one, HEAD * 1_000))
            sender.start()
            assert status_of(read_all(one)) == 408
            sender.join(10)

    def test_an_idle_connection_is_closed_without_a_word(self) -> None:
        with edge_running(QUICK) as front:
            assert front.ask(b"", until_closed=True) == b""

    @pytest.mark.parametrize("hold", [0, 65_536])
    def test_a_body_that_stops_is_a_408(self, hold: int) -> None:
        limits = Limits(body_timeout_s=0.3, linger_s=0.3, body_hold_bytes=hold)
        with edge_running(limits) as front:
            answer = front.ask(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", until_closed=True)
            assert status_of(answer) == 408
            assert len(front.service.heads) == (hold == 0)
            assert front.service.requests == []

    def test_a_client_that_reads_nothing_is_cut_off(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            for _ in range(1_000):
                writer.write(b"z" * 100_000)
                await writer.drain()

        with edge_running(QUICK) as front, front.connect() as one:
            front.service.talk = talk
            one.sendall(HEAD + b"\r\n")
            wait_until(lambda: front.service.closed, within_s=20, what="the service's connection to be closed")
            wait_until(front.is_idle, what="the client's connection to be closed")

    def test_a_slow_but_steady_answer_is_not_cut_off(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
            for _ in range(8):
                await asyncio.sleep(0.1)
                writer.write(b"z")

        with edge_running(QUICK, timeout_s=5) as front:
            front.service.talk = talk
            assert front.ask(HEAD + b"\r\n").endswith(b"zzzzzzzz")

    def test_an_answer_that_stalls_is_cut_off_at_the_routes_timeout(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            await reader.read()

        with edge_running(timeout_s=0.3) as front:
            front.service.talk = talk
            assert front.ask(HEAD + b"\r\n", until_closed=True).endswith(b"half")

    def test_slow_bodies_do_not_reach_the_service_before_they_are_complete(self) -> None:
        with edge_running() as front, front.connect() as one:
            one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
            wait_until(lambda: front.paths.heads, what="the head to be routed")
            assert front.service.connections == 0
            one.sendall(b"def")
            assert status_of(read_answer(one)) == 200
            assert front.service.requests[0].body == b"abcdef"


def _send_until_closed(one: object, part: bytes) -> None:
    try:
        for _ in range(1_000):
            one.sendall(part)  # type: ignore[attr-defined]
    except OSError:
        pass


def _trickle(one: object, data: bytes) -> None:
    try:
        for byte in data:
            one.sendall(bytes([byte]))  # type: ignore[attr-defined]
            time.sleep(0.01)
    except OSError:
        pass
