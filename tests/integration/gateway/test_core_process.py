"""The gateway as a process: starts, stops, and stays small."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from contextlib import ExitStack

import pytest

from decant.gateway.run import GatewayOptions
from tests.support.edge import Request, edge_running, read_all, read_answer, status_of
from tests.support.edge_process import edge_process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.serving
GET = b"GET /p HTTP/1.1\r\nHost: a\r\n\r\n"


def test_sigterm_lets_the_running_request_finish_and_exits_0() -> None:
    go_on = threading.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
        await asyncio.to_thread(go_on.wait, 30)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with edge_running() as behind, edge_process(behind.service.port) as edge, edge.connect() as one:
        behind.service.talk = talk
        one.sendall(GET)
        wait_until(lambda: behind.service.heads, what="the request at the service")
        edge.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _is_refused(edge.port), what="no new connection to be taken")
        go_on.set()
        assert read_all(one).endswith(b"ok")
        assert edge.process.wait(30) == 0


def test_a_second_signal_stops_at_once() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
        await reader.read()

    with edge_running() as behind, edge_process(behind.service.port, grace_s=600) as edge, edge.connect() as one:
        behind.service.talk = talk
        one.sendall(GET)
        wait_until(lambda: behind.service.heads, what="the request at the service")
        edge.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _is_refused(edge.port), what="no new connection to be taken")
        edge.process.send_signal(signal.SIGTERM)
        assert edge.process.wait(30) == 1  # a request was cut off


def test_more_clients_than_files_leave_enough_for_the_services() -> None:
    with edge_running() as behind, edge_process(behind.service.port, files=200) as edge, ExitStack() as stack:
        clients = [stack.enter_context(edge.connect()) for _ in range(190)]
        clients[0].sendall(GET)
        assert status_of(read_answer(clients[0])) == 200
        assert status_of(read_all(clients[-1])) == 503


def test_options_survive_the_command_line() -> None:
    options = GatewayOptions(port=1, routes="a b")
    assert GatewayOptions.from_json(options.to_json()) == options


@pytest.mark.slow
def test_a_large_upload_and_download_leave_the_process_small() -> None:
    size, part = 1 << 28, b"x" * (1 << 20)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
        while not (await reader.read(1 << 20)).endswith(b"0\r\n\r\n"):
            pass
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(part)):
            writer.write(part)
            await writer.drain()

    with edge_running() as behind, edge_process(behind.service.port, 1 << 40) as edge, edge.connect(60) as one:
        one.sendall(GET)
        read_answer(one)
        behind.service.talk = talk
        before = edge.rss_bytes()
        one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(size // len(part)):
            one.sendall(b"100000\r\n" + part + b"\r\n")
        one.sendall(b"0\r\n\r\n")
        answer = read_answer(one)
        assert status_of(answer) == 200
        assert edge.rss_bytes() - before < 50 << 20


def _is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False
