"""What every transport of calls must do: import it, subclass it, and give it a transport.

::

    class TestMine(TransportConformance):
        @pytest.fixture
        def made(self) -> Transport:
            return MyTransport()

Every request is counted by a server that reads it from a socket: a transport that says "never sent" while the server
has read the request fails here.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from decant.errors import DeadlineExceeded, ProtocolError, RemoteCallError, SetupError, Unavailable
from decant.rpc.transports import Answer, Transport
from decant.rpc.transports.base import MAX_ANSWER_BYTES
from tests.conformance.rpc import server as toy
from tests.conformance.rpc.server import Behaviour, Peer, ToyServer, toy_server
from tests.support.waiting import wait_until

LONG_S = 30.0
"""For what must not depend on time."""

SHORT_S = 0.4
"""For what must end by time."""

MANY_S = 10.0
"""How long something with a short deadline may take on a busy machine; without a deadline it takes far longer."""


class TransportConformance:
    """Subclass it with a fixture ``made``."""

    @pytest.fixture
    def made(self) -> Transport:
        raise NotImplementedError

    @pytest.fixture
    def transport(self, made: Transport) -> Iterator[Transport]:
        yield made
        made.close()

    def send(self, transport: Transport, url: str, timeout_s: float = LONG_S) -> Answer:
        return transport.send("POST", f"{url}/seats", {"X-Seat": "1"}, b"{}", timeout_s=timeout_s)

    def fails(self, transport: Transport, url: str, timeout_s: float = LONG_S) -> RemoteCallError:
        with pytest.raises(RemoteCallError) as caught:
            self.send(transport, url, timeout_s)
        return caught.value

    # --- answers ------------------------------------------------------------------------------------------------------

    def test_an_answer_comes_back_with_status_headers_and_body(self, transport: Transport) -> None:
        raw = toy.answer(b"[]", b"X-Seats: 3", b"CONTENT-TYPE: application/json", status=b"409 Conflict")
        with toy_server(toy.answers_with(raw)) as server:
            answer = self.send(transport, server.url)
        assert (answer.status, answer.body) == (409, b"[]")
        assert answer.headers["x-seats"] == "3"
        assert answer.headers["content-type"] == "application/json"

    def test_a_header_that_came_twice_is_one_list(self, transport: Transport) -> None:
        raw = toy.answer(b"{}", b"X-Row: 1", b"x-row: 2, 3")
        with toy_server(toy.answers_with(raw)) as server:
            assert self.send(transport, server.url).headers["x-row"] == "1, 2, 3"

    def test_a_request_arrives_as_it_was_given(self, transport: Transport) -> None:
        seen: list[bytes] = []

        def keeps(peer: Peer) -> None:
            seen.append(peer.take() or b"")
            peer.say(toy.OK)

        with toy_server(keeps) as server:
            transport.send(
                "PUT", f"{server.url}/a%20b?c=%C3%A9&d=1", {"X-Seat": "row 1"}, b"\x00\xff", timeout_s=LONG_S
            )
            host = f"127.0.0.1:{server.port}".encode()
        head, _, body = seen[0].partition(b"\r\n\r\n")
        line, *headers = head.split(b"\r\n")
        assert line == b"PUT /a%20b?c=%C3%A9&d=1 HTTP/1.1"
        assert body == b"\x00\xff"
        lower = {header.lower() for header in headers}
        assert {b"x-seat: row 1", b"host: " + host, b"content-length: 2"} <= lower

    def test_a_chunked_answer_is_put_together(self, transport: Transport) -> None:
        raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
        with toy_server(toy.answers_with(raw)) as server:
            assert self.send(transport, server.url).body == b"[1,2]"

    def test_an_answer_without_a_length_ends_with_its_connection(self, transport: Transport) -> None:
        with toy_server(toy.answers_with(b"HTTP/1.0 200 OK\r\n\r\n[1]")) as server:
            assert self.send(transport, server.url).body == b"[1]"

    @pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
    def test_an_answer_that_has_no_body_is_not_waited_for(self, transport: Transport, status: bytes) -> None:
        def behave(peer: Peer) -> None:
            while peer.take():
                peer.say(b"HTTP/1.1 " + status + b"\r\n\r\n")

        with toy_server(behave) as server:
            assert self.send(transport, server.url).body == b""

    def test_ten_megabytes_travel_both_ways(self, transport: Transport) -> None:
        big = os.urandom(1024 * 1024) * 10

        def echoes(peer: Peer) -> None:
            raw = peer.take() or b""
            peer.say(toy.answer(raw.partition(b"\r\n\r\n")[2]))

        with toy_server(echoes) as server:
            answer = transport.send("POST", server.url, {}, big, timeout_s=LONG_S)
        assert answer.body == big

    def test_a_redirect_is_an_answer_like_any_other(self, transport: Transport) -> None:
        with toy_server(toy.answers) as elsewhere:
            raw = toy.answer(b"", b"Location: " + elsewhere.url.encode(), status=b"307 Temporary Redirect")
            with toy_server(toy.answers_with(raw)) as server:
                assert self.send(transport, server.url).status == 307
            assert elsewhere.connections == 0

    def test_proxies_of_the_environment_are_ignored(
        self, transport: Transport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with toy_server(toy.answers) as proxy, toy_server(toy.answers) as server:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            for name in ("NO_PROXY", "no_proxy"):
                monkeypatch.delenv(name, raising=False)
            self.send(transport, server.url)
            assert (proxy.connections, server.executed) == (0, 1)

    # --- what was never sent ------------------------------------------------------------------------------------------

    def test_a_refused_connection_was_never_sent(self, transport: Transport) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            error = self.fails(transport, f"http://127.0.0.1:{probe.getsockname()[1]}")
        assert isinstance(error, Unavailable)
        assert not error.may_have_run

    def test_a_host_without_address_was_never_asked(self, transport: Transport) -> None:
        error = self.fails(transport, "http://seats.invalid")
        assert isinstance(error, Unavailable)
        assert not error.may_have_run

    def test_a_host_that_takes_no_connection_is_given_up_before_the_deadline(self, transport: Transport) -> None:
        with full_backlog() as url:
            error = self.fails(transport, url)
        assert isinstance(error, Unavailable)
        assert not error.may_have_run

    def test_a_deadline_also_ends_the_making_of_a_connection(self, transport: Transport) -> None:
        with full_backlog() as url:
            assert isinstance(self.fails(transport, url, SHORT_S), DeadlineExceeded)

    @pytest.mark.parametrize(
        "headers", [{"X-Seat": "é"}, {"X-Seat": "✓"}, {"X-Seat": "1\r\nX-Row: 2"}, {"X-Seat": "1\n"}, {"X Seat": "1"}]
    )
    def test_a_header_that_would_not_arrive_as_it_is_is_refused(
        self, transport: Transport, headers: dict[str, str]
    ) -> None:
        with toy_server(toy.answers) as server:
            with pytest.raises(RemoteCallError) as caught:
                transport.send("GET", server.url, headers, None, timeout_s=LONG_S)
            assert not caught.value.may_have_run
            assert server.executed == 0

    @pytest.mark.parametrize(
        "url", ["seats", "ftp://127.0.0.1/seats", "http://", "http://127.0.0.1:99999/", "http://[::1"]
    )
    def test_what_is_no_address_is_refused(self, transport: Transport, url: str) -> None:
        assert not self.fails(transport, url).may_have_run

    # --- what may have run --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "behave",
        [
            toy.closes_after_reading,
            toy.resets_after_reading,
            toy.says_half_a_head,
            toy.says_half_a_body,
            toy.says_half_a_chunk,
            toy.resets_in_the_body,
        ],
    )
    def test_a_request_that_was_read_and_not_answered_may_have_run(
        self, transport: Transport, behave: Behaviour
    ) -> None:
        with toy_server(behave) as server:
            error = self.fails(transport, server.url)
            assert server.executed == 1, "the transport never repeats what may have run"
        assert isinstance(error, Unavailable)
        assert error.may_have_run

    @pytest.mark.parametrize("behave", [toy.resets_before_reading, toy.closes_before_reading])
    def test_a_connection_that_ends_unread_is_unavailable(self, transport: Transport, behave: Behaviour) -> None:
        with toy_server(behave) as server:
            assert isinstance(self.fails(transport, server.url), Unavailable)
            assert server.executed == 0

    @pytest.mark.parametrize(
        "raw",
        [
            b"SEATS\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"HTTP/1.1 seats\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seat: " + b"1" * 2_000_000 + b"\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seat: \xc3\xa9\r\n\r\n{}",
        ],
        ids=["text", "ssh", "status", "length", "negative", "lengths", "long-header", "many-headers", "non-ascii"],
    )
    def test_an_answer_that_is_no_http_is_a_protocol_error(self, transport: Transport, raw: bytes) -> None:
        with toy_server(toy.answers_with(raw)) as server:
            error = self.fails(transport, server.url)
            assert server.executed == 1
        assert isinstance(error, ProtocolError)
        assert error.may_have_run

    def test_chunks_that_cannot_be_read_are_no_answer(self, transport: Transport) -> None:
        raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
        with toy_server(toy.answers_with(raw)) as server:
            error = self.fails(transport, server.url)
        assert isinstance(error, (ProtocolError, Unavailable))
        assert error.may_have_run

    def test_an_answer_that_says_it_is_too_long_is_not_read(self, transport: Transport) -> None:
        def boasts(peer: Peer) -> None:
            peer.take()
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_ANSWER_BYTES + 1))
            peer.say(bytes(1024 * 1024))
            peer.wait_for_the_end()

        with toy_server(boasts) as server:
            error = self.fails(transport, server.url)
        assert isinstance(error, ProtocolError)
        assert "64 MiB" in error.detail

    def test_an_answer_that_becomes_too_long_is_not_read_to_its_end(self, transport: Transport) -> None:
        def floods(peer: Peer) -> None:
            peer.take()
            peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
            while True:
                peer.say(chunk)

        with toy_server(floods) as server:
            error = self.fails(transport, server.url)
            wait_until(lambda: server.ended == 1, what="the connection to be closed")
        assert isinstance(error, ProtocolError)

    # --- time ---------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "behave",
        [toy.hangs, toy.hangs_in_the_body, toy.drips_its_head, toy.drips_its_body],
        ids=lambda one: one.__name__,
    )
    def test_the_deadline_is_for_everything(self, transport: Transport, behave: Behaviour) -> None:
        with toy_server(behave) as server:
            started = time.monotonic()
            error = self.fails(transport, server.url, SHORT_S)
            assert time.monotonic() - started < MANY_S
            assert server.executed == 1
        assert isinstance(error, DeadlineExceeded)
        assert error.may_have_run

    def test_a_request_that_nobody_reads_ends_by_its_deadline(self, transport: Transport) -> None:
        with toy_server(Peer.wait_for_the_end) as server:
            with pytest.raises(DeadlineExceeded):
                transport.send("POST", server.url, {}, bytes(20_000_000), timeout_s=SHORT_S)
            assert server.executed == 0

    def test_a_late_answer_is_not_taken_for_that_of_the_next_request(self, transport: Transport) -> None:
        late = threading.Event()

        def behave(peer: Peer) -> None:
            if peer.number == 0:
                peer.take()
                late.wait(LONG_S)
                peer.say(toy.answer(b"late"))
            while peer.take():
                peer.say(toy.answer(b"next"))

        with toy_server(behave) as server:
            assert isinstance(self.fails(transport, server.url, SHORT_S), DeadlineExceeded)
            late.set()
            assert [self.send(transport, server.url).body for _ in range(3)] == [b"next"] * 3
            assert server.executed == 4

    # --- connections --------------------------------------------------------------------------------------------------

    def test_a_connection_is_used_again(self, transport: Transport) -> None:
        with toy_server(toy.answers) as server:
            for _ in range(20):
                self.send(transport, server.url)
            assert (server.executed, server.connections) == (20, 1)

    def test_a_connection_that_the_server_ends_with_its_answer_is_not_used_again(self, transport: Transport) -> None:
        raw = toy.answer(b"{}", b"Connection: close")
        with toy_server(toy.answers_with(raw)) as server:
            for _ in range(5):
                assert self.send(transport, server.url).status == 200
            assert (server.executed, server.connections) == (5, 5)

    def test_an_idle_connection_that_was_closed_costs_nothing(self, transport: Transport) -> None:
        def closes_when_idle(peer: Peer) -> None:
            peer.take()
            peer.say(toy.OK)

        with toy_server(closes_when_idle) as server:
            for number in range(1, 6):
                assert self.send(transport, server.url).status == 200
                wait_until(lambda number=number: server.ended == number, what="the server to close")  # type: ignore[misc]
                time.sleep(0.05)  # its FIN is on the way: nothing here can be asked for it
            assert server.executed == 5

    @pytest.mark.parametrize("end", [Peer.close, Peer.reset])
    def test_a_connection_that_ends_as_the_next_request_arrives_is_told_honestly(
        self, transport: Transport, end: Callable[[Peer], None]
    ) -> None:
        def behave(peer: Peer) -> None:
            peer.take()
            peer.say(toy.OK)
            if peer.number == 0:
                peer.wait_for_more()
                end(peer)

        with toy_server(behave) as server:
            self.send(transport, server.url)
            error = outcome(lambda: self.send(transport, server.url))
            if error is None:
                assert server.executed == 2, "answered, so it was executed once, on another connection"
            else:
                assert server.executed == 1
                assert isinstance(error, Unavailable)
                assert error.may_have_run, "the server got the request; that it did not read it cannot be known"

    def test_what_nobody_asked_for_is_not_taken_for_an_answer(self, transport: Transport) -> None:
        answers = []

        def says_more(peer: Peer) -> None:
            peer.take()
            peer.say(toy.OK + (toy.answer(b"smuggled") if peer.number == 0 else b""))
            while peer.take():
                peer.say(toy.answer(b"next"))

        with toy_server(says_more) as server:
            self.send(transport, server.url)
            time.sleep(0.05)  # so that what comes too much has come
            error = outcome(lambda: answers.append(self.send(transport, server.url).body))
        assert b"smuggled" not in answers
        assert error is None or error.may_have_run

    def test_closing_lets_a_request_in_use_end_and_keeps_nothing(self, transport: Transport) -> None:
        go = threading.Event()

        def answers_when_told(peer: Peer) -> None:
            while peer.take():
                go.wait(LONG_S)
                peer.say(toy.OK)

        with toy_server(answers_when_told) as server, ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.send, transport, server.url)
            wait_until(lambda: server.executed == 1, what="the server to read the request")
            transport.close()
            go.set()
            assert answer.result(LONG_S).status == 200
            wait_until(lambda: server.ended == 1, within_s=2, what="the connection to be closed")

    def test_many_threads_share_a_transport(self, transport: Transport) -> None:
        def echoes(peer: Peer) -> None:
            while raw := peer.take():
                peer.say(toy.answer(raw.partition(b"\r\n\r\n")[2]))

        def ask(number: int) -> bool:
            body = b"%d" % number * 50
            return transport.send("POST", server.url, {}, body, timeout_s=LONG_S).body == body

        with toy_server(echoes) as server, ThreadPoolExecutor(64) as pool:
            assert all(pool.map(ask, range(1280)))
            assert server.executed == 1280
            assert server.connections < 640, "most requests find a connection"

    def test_a_process_that_is_forked_calls_for_itself_or_says_that_it_cannot(self, transport: Transport) -> None:
        with toy_server(toy.answers) as server:
            self.send(transport, server.url)
            told = in_a_fork(lambda: self.send(transport, server.url))
            assert told == ("200" if transport.capabilities.survives_fork else "SetupError")
            assert self.send(transport, server.url).status == 200
            assert server.executed == (3 if transport.capabilities.survives_fork else 2)


def outcome(send: Callable[[], object]) -> RemoteCallError | None:
    """Return why a request got no answer; None when it got one."""
    try:
        send()
    except RemoteCallError as error:
        return error
    return None


@contextmanager
def full_backlog() -> Iterator[str]:
    """Return the address of a listener whose queue is full: the next connection is neither taken nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for one in waiting:
                one.close()


def in_a_fork(send: Callable[[], Answer]) -> str:
    """Return the status of an answer that a forked process got, or the name of its error; it is killed in the end."""
    context = multiprocessing.get_context("fork")
    mine, yours = context.Pipe()

    def run() -> None:
        try:
            yours.send(str(send().status))
        except (RemoteCallError, SetupError) as error:
            yours.send(type(error).__name__)

    process = context.Process(target=run)
    process.start()
    try:
        return str(mine.recv()) if mine.poll(LONG_S) else "nothing"
    finally:
        process.kill()
        process.join()


__all__ = ["ToyServer", "TransportConformance", "full_backlog", "in_a_fork"]
