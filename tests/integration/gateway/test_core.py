"""The gateway's core over real sockets: what goes through, in which order, and what it becomes on the way."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop

from decant.gateway.base import Address
from decant.gateway.limits import Limits, PoolLimits
from tests.support.edge import Front, Request, edge_running, read_all, read_answer, read_body, status_of
from tests.support.waiting import wait_until

GET = b"GET /p/1?x=1 HTTP/1.1\r\nHost: shop.test\r\n\r\n"


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    with edge_running(new_loop=request.param) as running:
        yield running


def post(body: bytes, *more: bytes) -> bytes:
    lines = [b"POST /p HTTP/1.1", b"Host: shop.test", b"Content-Length: %d" % len(body), *more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class TestForwarding:
    def test_a_request_and_its_answer_go_through(self, front: Front) -> None:
        answer = front.ask(GET)
        assert status_of(answer) == 200
        assert answer.endswith(b"\r\n\r\nok")
        (request,) = front.service.requests
        assert request.line == "GET /p/1?x=1 HTTP/1.1"
        assert request.values("host") == ["shop.test"]

    def test_many_requests_use_one_connection_on_both_sides(self, front: Front) -> None:
        with front.connect() as one:
            for _ in range(20):
                one.sendall(GET)
                assert status_of(read_answer(one)) == 200
        assert front.service.connections == 1

    def test_pipelined_requests_are_answered_in_order(self, front: Front) -> None:
        with front.connect() as one:
            wanted = [b"/p/%d" % number if number % 3 else b"/own" for number in range(200)]
            one.sendall(b"".join(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in wanted))
            bodies = [read_answer(one)[-3:] for _ in wanted]
        assert bodies == [b"\nok" if path != b"/own" else b"own" for path in wanted]
        assert [request.line.split()[1].encode() for request in front.service.requests] == [
            path for path in wanted if path != b"/own"
        ]

    def test_a_head_request_has_no_body_and_the_connection_goes_on(self, front: Front) -> None:
        front.service.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
        with front.connect() as one:
            one.sendall(b"HEAD /p HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"Content-Length: 7" in read_answer(one, head_only=True)
            front.service.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            one.sendall(GET)
            assert read_answer(one).endswith(b"ok")
        assert front.service.connections == 1

    @pytest.mark.parametrize("size", [1, 65_535, 65_536, 200_000, 1 << 20])
    def test_bodies_of_a_length_arrive_whole(self, front: Front, size: int) -> None:
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        assert status_of(front.ask(post(body))) == 200
        assert front.service.requests[0].body == body
        assert front.service.requests[0].values("content-length") == [str(size)]

    @pytest.mark.parametrize("size", [0, 5, 300_000])
    def test_bodies_in_chunks_arrive_whole(self, front: Front, size: int) -> None:
        body = b"y" * size
        chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in _parts(body, 7_000))
        head = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert status_of(front.ask(head + chunks + b"0\r\nTrailer: x\r\n\r\n")) == 200
        assert front.service.requests[0].body == body
        assert not front.service.requests[0].values("trailer")

    def test_an_answer_in_chunks_stays_in_chunks_for_1_1_and_ends_by_closing_for_1_0(self, front: Front) -> None:
        front.service.reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
        assert front.ask(GET).endswith(b"\r\n\r\nabcde")
        old = front.ask(b"GET /p HTTP/1.0\r\n\r\n", until_closed=True)
        assert old.endswith(b"\r\n\r\nabcde")
        assert b"ransfer-" not in old

    def test_an_answer_that_ends_by_closing_is_sent_in_chunks(self, front: Front) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
            await writer.drain()

        front.service.talk = talk
        assert front.ask(GET).endswith(b"all of it")

    def test_an_old_client_keeps_its_connection_when_it_asks_to(self, front: Front) -> None:
        with front.connect() as one:
            for _ in range(2):
                one.sendall(b"GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert b"Connection: keep-alive" in read_answer(one)

    def test_interim_answers_pass_and_an_upload_waits_for_them(self, front: Front) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            assert request.values("expect") == ["100-continue"]
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            body = await read_body(reader, request)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

        front.service.talk = talk
        with front.connect() as one:
            one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            assert status_of(read_answer(one)) == 100
            assert b"Link: </a>" in read_answer(one)
            one.sendall(b"body")
            assert read_answer(one).endswith(b"body")

    def test_an_answer_that_comes_before_the_upload_is_complete_is_passed_on(self, front: Front) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            await writer.drain()

        front.service.talk = talk
        with front.connect() as one:
            one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)
            answer = read_all(one)
        assert status_of(answer) == 403
        assert b"Connection: close" in answer
        assert answer.endswith(b"no")

    def test_a_slow_reader_holds_the_service_up_and_gets_everything(self, front: Front) -> None:
        sent = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
            for _ in range(1024):
                writer.write(b"z" * 65_536)
                await writer.drain()
                sent += 65_536

        front.service.talk = talk
        with front.connect() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            one.sendall(GET)
            _settles(lambda: sent)
            assert sent < 40_000_000
            assert len(read_answer(one)) > 67_108_864

    def test_a_slow_service_holds_the_client_up(self, front: Front) -> None:
        front.paths.body_limit = 1 << 30
        go_on = threading.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            await asyncio.to_thread(go_on.wait, 20)
            body = await read_body(reader, request)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%8d" % len(body))

        front.service.talk = talk
        sent = 0

        def send(one: socket.socket) -> None:
            nonlocal sent
            one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\n\r\n")
            for _ in range(1024):
                one.sendall(b"z" * 65_536)
                sent += 65_536

        with front.connect() as one:
            sender = threading.Thread(target=send, args=(one,))
            sender.start()
            _settles(lambda: sent)
            assert sent < 40_000_000
            go_on.set()
            assert read_answer(one).endswith(b"67108864")
            sender.join(10)

    def test_the_target_is_sent_on_in_origin_form(self, front: Front) -> None:
        front.ask(b"GET http://Shop.test/a%7Eb?q=%7e HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        assert front.service.requests[0].line == "GET /a~b?q=%7e HTTP/1.1"
        assert status_of(front.ask(b"GET http://other.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n")) == 400

    def test_what_is_not_for_a_service_is_answered_here(self, front: Front) -> None:
        for line, status in [
            (b"OPTIONS * HTTP/1.1", 204),
            (b"GET * HTTP/1.1", 400),
            (b"TRACE / HTTP/1.1", 501),
            (b"CONNECT a:443 HTTP/1.1", 501),
            (b"BREW / HTTP/1.1", 501),
            (b"GET / HTTP/2.0", 505),
            (b"get / HTTP/1.1", 400),
        ]:
            assert (line, status_of(front.ask(line + b"\r\nHost: a\r\n\r\n"))) == (line, status)
        answer = front.ask(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert status_of(answer) == 501
        assert front.service.requests == []

    def test_an_upgrade_that_a_client_merely_offers_is_ignored(self, front: Front) -> None:
        with front.connect() as one:
            for _ in range(2):
                one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
                assert status_of(read_answer(one)) == 200
        assert not front.service.requests[0].values("upgrade")


class TestOwnAnswers:
    def test_routes_may_answer_at_once_or_later(self, front: Front) -> None:
        with front.connect() as one:
            for path in (b"/own", b"/later", b"/own"):
                one.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
                assert read_answer(one).endswith(path[1:])

    def test_a_short_body_that_nobody_wants_is_skipped_and_the_connection_goes_on(self, front: Front) -> None:
        with front.connect() as one:
            one.sendall(b"POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            assert read_answer(one).endswith(b"own")
            one.sendall(b"12345" + GET)
            assert read_answer(one).endswith(b"ok")

    def test_a_problem_names_the_request_and_the_trace(self, front: Front) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        head = (
            f"GET //x HTTP/1.1\r\nHost: a\r\nX-Request-ID: r-1\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n\r\n"
        )
        answer = front.ask(head.encode())
        problem = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        assert (problem["status"], problem["request_id"], problem["trace_id"]) == (400, "r-1", trace)
        assert b"X-Request-ID: r-1" in answer

    def test_a_mistake_in_the_routes_is_a_500(self, front: Front) -> None:
        assert status_of(front.ask(b"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n")) == 500
        assert status_of(front.ask(GET)) == 200


class TestFailures:
    def test_a_service_that_is_down_is_a_503_at_once(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with edge_running(addresses=(Address("127.0.0.1", taken.getsockname()[1]),)) as front:
                answer = front.ask(GET)
                assert status_of(answer) == 503
                assert b"Retry-After" in answer

    def test_another_instance_is_asked_when_one_is_down(self) -> None:
        with socket.socket() as taken, edge_running() as live:
            taken.bind(("127.0.0.1", 0))
            down = Address("127.0.0.1", taken.getsockname()[1])
            with edge_running(addresses=(down, Address("127.0.0.1", live.service.port))) as front:
                assert {status_of(front.ask(post(b"once"))) for _ in range(10)} == {200}
            assert len(live.service.requests) == 10

    def test_a_service_that_hangs_is_a_504_at_the_routes_timeout(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            await reader.read()

        with edge_running(timeout_s=0.3) as front:
            front.service.talk = talk
            assert status_of(front.ask(GET)) == 504
            wait_until(lambda: front.service.closed == 1, what="the service's connection to be closed")

    @pytest.mark.parametrize(
        "reply",
        [
            b"nonsense\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
            b"",
        ],
    )
    def test_a_broken_answer_is_a_502(self, front: Front, reply: bytes) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(reply)
            await writer.drain()

        front.service.talk = talk
        assert status_of(front.ask(post(b"x"))) == 502
        assert len(front.service.heads) == 1

    @pytest.mark.parametrize(
        "reply",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ],
    )
    def test_an_answer_that_breaks_off_has_no_false_end(self, front: Front, reply: bytes) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(reply)
            await writer.drain()

        front.service.talk = talk
        answer = front.ask(GET, until_closed=True)
        assert b"half" in answer
        assert not answer.endswith(b"0\r\n\r\n")
        with pytest.raises(ConnectionError):
            front.ask(GET)

    def test_a_client_that_hangs_up_closes_the_services_connection(self, front: Front) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            await reader.read()

        front.service.talk = talk
        with front.connect() as one:
            one.sendall(GET)
            wait_until(lambda: front.service.heads, what="the request at the service")
        wait_until(lambda: front.service.closed == 1, what="the service's connection to be closed")

    def test_a_connection_that_closed_while_idle_is_replaced_for_a_request_that_only_reads(self, front: Front) -> None:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if front.service.connections == 1:
                await reader.readuntil(b"\r\n\r\n")  # the next request, which dies with the connection

        front.service.talk = once
        with front.connect() as one:
            one.sendall(GET)
            read_answer(one)
            one.sendall(GET)
            assert status_of(read_answer(one)) == 200
        assert front.service.connections == 2

    def test_a_request_that_may_have_run_is_not_sent_again(self, front: Front) -> None:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await reader.readuntil(b"\r\n\r\n")

        front.service.talk = once
        with front.connect() as one:
            one.sendall(GET)
            read_answer(one)
            one.sendall(post(b"pay"))
            assert status_of(read_answer(one)) == 502
        assert front.service.connections == 1

    def test_more_than_was_asked_for_never_reaches_the_next_client(self, front: Front) -> None:
        front.service.reply = (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        )
        for _ in range(3):
            assert front.ask(GET).endswith(b"ok")
        assert front.service.connections == 3

    def test_requests_beyond_the_pool_wait_and_then_are_503(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            await reader.read()

        with edge_running(pool=PoolLimits(connections=1, waiting=1, connect_total_s=0.3)) as front:
            front.service.talk = talk
            with front.connect() as first, front.connect() as second:
                first.sendall(GET)
                wait_until(lambda: front.service.heads, what="the first request")
                second.sendall(GET)
                wait_until(lambda: len(front.paths.heads) == 2, what="the second request")
                assert status_of(front.ask(GET)) == 503
                assert status_of(read_answer(second)) == 503


class TestEnds:
    def test_stopping_lets_running_requests_finish_and_closes_the_rest(self, front: Front) -> None:
        go_on = threading.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            await asyncio.to_thread(go_on.wait, 20)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        front.service.talk = talk
        with front.connect() as idle, front.connect() as busy:
            busy.sendall(GET)
            wait_until(lambda: front.service.heads, what="the request")
            stopping = asyncio.run_coroutine_threadsafe(front.gateway.stop(10), front.looping.loop)
            assert idle.recv(1) == b""
            assert front.gateway.edge.state.draining
            go_on.set()
            answer = read_all(busy)
            assert answer.endswith(b"ok")
            assert b"Connection: close" in answer
            assert stopping.result(10) is True

    def test_nothing_is_left_of_connections_that_ended(self, front: Front) -> None:
        for _ in range(30):
            front.ask(GET)
        wait_until(front.is_idle, what="no connection to be open")

    def test_limits_on_connections_answer_503(self) -> None:
        with edge_running(Limits(connections=2)) as front, front.connect() as one, front.connect() as two:
            for each in (one, two):
                each.sendall(GET)
                assert status_of(read_answer(each)) == 200
            assert status_of(front.ask(GET, until_closed=True)) == 503


def _parts(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def _settles(value: object) -> None:
    """Wait until a count has risen and stands still for a few looks."""
    seen: list[int] = []

    def stands() -> bool:
        seen.append(value())  # type: ignore[operator]
        return len(seen) > 20 and seen[-1] > 0 and len(set(seen[-20:])) == 1

    wait_until(stands, within_s=20, what="the count to stand still")
