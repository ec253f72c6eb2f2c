"""What hostile clients and dying services try on the gateway, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvloop

from decant.gateway.base import Address
from decant.gateway.limits import Limits, PoolLimits
from tests.support.edge import Front, Request, edge_running, read_all, read_answer, status_of
from tests.support.waiting import wait_until

GET = b"GET /p HTTP/1.1\r\nHost: a\r\n\r\n"
OWN = b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Request], Awaitable[None]]


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    with edge_running(new_loop=request.param) as running:
        yield running


def answering(*replies: bytes) -> Talk:
    """Return a service that gives one reply for each request of a connection, and then closes it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
        for index, reply in enumerate(replies):
            if index:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()

    return talk


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
    """Close without a word, as a worker does that is being killed."""


class TestAnswers:
    @pytest.mark.parametrize(
        "bodiless",
        [
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
        ],
    )
    def test_an_answer_without_a_body_leaves_nothing_behind_for_the_next(self, front: Front, bodiless: bytes) -> None:
        front.service.reply = bodiless
        with front.connect() as one:
            one.sendall(GET)
            assert status_of(read_answer(one)) in (204, 304)
            front.service.reply = OK
            for _ in range(3):
                one.sendall(GET)
                answer = read_answer(one)
                assert (status_of(answer), answer[-2:]) == (200, b"ok")

    @pytest.mark.parametrize(
        "head", [b"204 No Content\r\nContent-Length: 38", b"304 Not Modified\r\nContent-Length: 38"]
    )
    def test_a_body_that_must_not_be_is_no_answer_to_anybody(self, front: Front, head: bytes) -> None:
        evil = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        front.service.reply = b"HTTP/1.1 " + head + b"\r\n\r\n" + evil
        for _ in range(3):
            assert status_of(front.ask(GET)) in (204, 304)
        assert front.service.connections == 3

    @pytest.mark.parametrize(
        "reply",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\rX: c\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\x00\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\x0bc\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
    )
    def test_no_odd_answer_splits_or_hangs(self, front: Front, reply: bytes) -> None:
        front.service.talk = answering(reply)
        assert status_of(front.ask(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")) == 502

    def test_an_interim_answer_says_nothing_of_a_length(self, front: Front) -> None:
        front.service.reply = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\nLink: </a>\r\n\r\n" + OK
        with front.connect() as one:
            one.sendall(GET)
            interim = read_answer(one, head_only=True)
            assert (status_of(interim), b"ength" in interim, b"Link" in interim) == (103, False, True)
            assert read_answer(one).endswith(b"ok")


class TestDyingServices:
    def test_a_fresh_connection_that_breaks_silently_is_tried_once_more(self, front: Front) -> None:
        async def first_dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            if front.service.connections > 1:
                writer.write(OK)

        front.service.talk = first_dies
        assert status_of(front.ask(GET)) == 200
        assert front.service.connections == 2

    def test_a_service_that_only_hangs_up_is_a_503(self, front: Front) -> None:
        front.service.talk = hangs_up
        answer = front.ask(GET)
        assert status_of(answer) == 503
        assert b"Retry-After" in answer
        assert front.service.connections == 2

    def test_an_idle_connection_that_died_with_its_service_is_a_503_too(self, front: Front) -> None:
        front.service.talk = answering(OK, b"")
        with front.connect() as one:
            one.sendall(GET)
            assert status_of(read_answer(one)) == 200
            front.service.talk = hangs_up
            one.sendall(GET)
            assert status_of(read_answer(one)) == 503

    def test_a_request_that_may_have_run_is_sent_once(self, front: Front) -> None:
        front.service.talk = hangs_up
        assert status_of(front.ask(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")) == 502
        assert status_of(front.ask(b"GET /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")) == 502
        assert front.service.connections == 2

    def test_another_address_is_asked_and_the_dying_one_rests(self) -> None:
        with edge_running() as dying, edge_running() as well:
            dying.service.talk = hangs_up
            addresses = tuple(Address("127.0.0.1", one.service.port) for one in (dying, well))
            with edge_running(addresses=addresses, pool=PoolLimits(first_pause_s=60, longest_pause_s=60)) as front:
                assert [status_of(front.ask(GET)) for _ in range(8)] == [200] * 8
            assert dying.service.connections == 1

    def test_whoever_waits_for_a_place_gets_it_when_the_one_before_finds_nobody(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            pool = PoolLimits(connections=1, connect_total_s=30)
            with edge_running(addresses=(Address("127.0.0.1", taken.getsockname()[1]),), pool=pool) as front:
                open_ones = [front.connect(10) for _ in range(8)]
                for one in open_ones:
                    one.sendall(GET)
                assert {status_of(read_answer(one)) for one in open_ones} == {503}
                for one in open_ones:
                    one.close()

    def test_who_hangs_up_while_connecting_leaves_its_place_to_the_next(self) -> None:
        with _silent_listener() as port:
            pool = PoolLimits(connections=1, connect_total_s=30, connect_timeout_s=30)
            with edge_running(addresses=(Address("127.0.0.1", port),), pool=pool) as front:
                upstream = front.paths.upstream
                with front.connect() as first, front.connect() as second:
                    first.sendall(GET)
                    wait_until(lambda: upstream._instances[0].opened == 1, what="the first to connect")
                    second.sendall(GET)
                    wait_until(lambda: len(upstream._waiting) == 1, what="the second to wait")
                    first.close()
                    wait_until(lambda: not upstream._waiting, what="the second to connect")


class TestHostileClients:
    def test_answers_that_are_not_read_do_not_pile_up(self, front: Front) -> None:
        with front.connect() as one:
            one.settimeout(0.5)
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 64 << 20:
                    sent += one.send(OWN * 1_000)
            (connection,) = front.gateway.connections
            assert connection._transport.get_write_buffer_size() < 4 << 20
            assert connection._reader.pending < 1 << 20
            assert sent < 64 << 20

    def test_answers_go_on_when_they_are_read(self, front: Front) -> None:
        count = 40_000
        with front.connect() as one:
            sender = threading.Thread(target=one.sendall, args=(OWN * count,))
            sender.start()
            wait_until(lambda: [each for each in front.gateway.connections if each.slow], what="answers to be unread")
            found = b""
            seen = 0
            while seen < count:
                part = one.recv(1 << 20)
                assert part
                found = found[-8:] + part
                seen += found.count(b"\r\n\r\nown")
                found = found[-6:]
            sender.join(20)

    def test_the_rest_of_a_pipelined_head_has_no_longer_than_any_head(self) -> None:
        with (
            edge_running(Limits(header_timeout_s=0.3, idle_timeout_s=60, linger_s=0.3)) as front,
            front.connect() as one,
        ):
            one.sendall(GET + b"GET /p HT")
            assert status_of(read_answer(one)) == 200
            assert status_of(read_all(one)) == 408

    @pytest.mark.parametrize("sent", [1, 40_000])
    def test_a_body_for_a_full_service_is_read_so_that_the_connection_goes_on(self, sent: int) -> None:
        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
            await reader.read()

        limits = Limits(body_hold_bytes=0, body_timeout_s=60)
        with edge_running(limits, PoolLimits(connections=1, waiting=0)) as front:
            front.service.talk = never
            with front.connect() as busy, front.connect(10) as one:
                busy.sendall(GET)
                wait_until(lambda: front.service.heads, what="the only place to be taken")
                one.sendall(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" + b"x" * sent)
                assert status_of(read_answer(one)) == 503
                one.sendall(b"x" * (40_000 - sent) + OWN)
                assert read_answer(one).endswith(b"own")

    def test_an_offer_of_an_upgrade_hides_no_request_in_a_body(self, front: Front) -> None:
        with front.connect() as one:
            one.sendall(
                b"POST /p HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n%b%b"
                % (len(OWN), OWN, GET)
            )
            assert status_of(read_answer(one)) == 200
            assert status_of(read_answer(one)) == 200
        assert [request.body for request in front.service.requests] == [OWN, b""]


@contextlib.contextmanager
def _silent_listener() -> Iterator[int]:
    """Give a port whose queue is full, so that a connect to it hangs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
