"""A proxy in front of a real server: each fault does what its name says, and the tally tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from decant_tools.faultproxy import FaultProxy, Profile

GET = b"GET /thing HTTP/1.1\r\nHost: a\r\n\r\n"
WRITE = b"POST /thing HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
KEYED = b"POST /thing HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\nhi"
LIMIT_S = 20.0


class Upstream:
    """A service that notes what it was asked, and answers with how often that was."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.gone = 0
        self.silent = False
        self.close_after = False
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
                self.asked.append(head + await reader.readexactly(size))
                if self.silent:
                    await reader.read()
                    break
                body = b"answer %d " % len(self.asked) + b"x" * 500
                last = b"Connection: close\r\n" if self.close_after else b""
                writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (last, len(body), body))
                await writer.drain()
                if self.close_after:
                    break
        self.gone += 1
        writer.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, raw: bytes = GET) -> str:
        """Return the first words of the body, ``reset`` or ``closed``."""
        try:
            self.writer.write(raw)
            await self.writer.drain()
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
            return (await self.reader.readexactly(size)).decode().rstrip("x ")
        except ConnectionResetError:
            return "reset"
        except asyncio.IncompleteReadError:
            return "closed"


@asynccontextmanager
async def proxied(profile: Profile, seed: int = 1) -> AsyncIterator[tuple[FaultProxy, Upstream, Callable[[], Any]]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    proxy = FaultProxy("127.0.0.1", upstream.port, profile, seed)
    host, port = await proxy.listen()
    clients: list[Client] = []

    async def client() -> Client:
        clients.append(Client(*await asyncio.open_connection(host, port)))
        return clients[-1]

    try:
        yield proxy, upstream, client
    finally:
        for one in clients:
            one.writer.close()
        await proxy.close()
        server.close()


async def eventually(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - any condition
        await asyncio.sleep(0.005)


def run(work: Awaitable[None]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(work, LIMIT_S)

    asyncio.run(limited())


def test_without_faults_everything_passes_on_one_connection() -> None:
    async def work() -> None:
        async with proxied(Profile()) as (proxy, upstream, client):
            one = await client()
            assert [await one.ask(), await one.ask(WRITE), await one.ask(KEYED)] == ["answer 1", "answer 2", "answer 3"]
            assert upstream.asked == [GET, WRITE, KEYED]
            assert proxy.tally.document() == {
                "schema": 1, "connections": 1, "requests": 3, "repeatable": 2, "faults": {},
            }  # fmt: skip

    run(work())


def test_latency_holds_every_request() -> None:
    async def work() -> None:
        async with proxied(Profile(latency_ms=50, jitter_ms=10)) as (proxy, _upstream, client):
            one, began = await client(), asyncio.get_running_loop().time()
            assert await one.ask(WRITE) == "answer 1"
            assert asyncio.get_running_loop().time() - began >= 0.05
            assert proxy.tally.faults == {"delay": 1}

    run(work())


@pytest.mark.parametrize(
    ("profile", "seen", "asked"),
    [
        (Profile(reset_before=1), "reset", 0),
        (Profile(reset_after=1), "reset", 1),
        (Profile(duplicate=1), "answer 2", 2),
    ],
    ids=["reset before", "reset after", "duplicate"],
)
@pytest.mark.parametrize("raw", [GET, KEYED], ids=["read", "keyed"])
def test_a_repeatable_request_suffers(profile: Profile, seen: str, asked: int, raw: bytes) -> None:
    async def work() -> None:
        async with proxied(profile) as (proxy, upstream, client):
            assert await (await client()).ask(raw) == seen
            assert upstream.asked == [raw] * asked
            assert sum(proxy.tally.faults.values()) == 1

    run(work())


@pytest.mark.parametrize(
    "profile", [Profile(reset_before=1), Profile(reset_after=1), Profile(duplicate=1), Profile(blackhole=1)]
)
def test_a_write_without_a_key_is_left_alone(profile: Profile) -> None:
    async def work() -> None:
        async with proxied(profile) as (proxy, _upstream, client):
            assert await (await client()).ask(WRITE) == "answer 1"
            assert proxy.tally.faults == {"spared": 1}

    run(work())


def test_a_swallowed_request_is_never_sent_on_and_never_answered() -> None:
    async def work() -> None:
        async with proxied(Profile(blackhole=1)) as (proxy, upstream, client):
            one = await client()
            asking = asyncio.ensure_future(one.ask())
            await eventually(lambda: proxy.tally.faults["blackhole"])
            assert not asking.done()
            one.writer.close()
            await asking
            assert upstream.asked == []

    run(work())


def test_after_a_refusal_connections_are_refused_and_then_taken_again_at_the_same_port() -> None:
    async def work() -> None:
        async with proxied(Profile(refuse=1, refuse_ms=100)) as (_proxy, _upstream, client):
            one = await client()
            assert await one.ask() == "answer 1"
            assert await one.reader.read() == b""

            async def refused() -> bool:
                try:
                    await client()
                except ConnectionRefusedError:
                    return True
                return False

            while not await refused():  # noqa: ASYNC110 - the proxy has no event for it
                await asyncio.sleep(0)
            while await refused():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert await (await client()).ask() == "answer 2"

    run(work())


def test_a_dripping_answer_arrives_whole() -> None:
    async def work() -> None:
        async with proxied(Profile(drip=1, drip_bytes=50, drip_pause_ms=1)) as (proxy, _upstream, client):
            assert await (await client()).ask() == "answer 1"
            assert proxy.tally.faults == {"drip": 1}

    run(work())


def test_a_connection_that_the_service_has_closed_stays_open_for_a_while() -> None:
    async def work() -> None:
        async with proxied(Profile(slow_close_ms=100)) as (proxy, upstream, client):
            upstream.close_after = True
            one = await client()
            assert await one.ask() == "answer 1"
            began = asyncio.get_running_loop().time()
            assert await one.reader.read() == b""
            assert asyncio.get_running_loop().time() - began >= 0.05
            assert proxy.tally.faults == {"slow_close": 1}

    run(work())


def test_a_caller_who_hangs_up_is_hung_up_for() -> None:
    async def work() -> None:
        async with proxied(Profile()) as (_proxy, upstream, client):
            upstream.silent = True
            one = await client()
            asking = asyncio.ensure_future(one.ask())
            await eventually(lambda: upstream.asked)
            one.writer.close()
            await asking
            await eventually(lambda: upstream.gone)

    run(work())


def test_a_service_that_is_not_there_resets_its_callers() -> None:
    async def work() -> None:
        async with proxied(Profile()) as (proxy, _upstream, client):
            proxy._to = ("127.0.0.1", 1)
            assert await (await client()).ask() in {"reset", "closed"}
            assert proxy.tally.faults == {"down": 1}

    run(work())


def test_a_very_large_request_is_passed_on_unread() -> None:
    async def work() -> None:
        body = b"x" * (3 << 20)
        async with proxied(Profile(duplicate=1)) as (proxy, upstream, client):
            raw = KEYED.partition(b"Content-Length")[0] + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            upstream.close_after = True
            assert await (await client()).ask(raw) == "answer 1"
            assert upstream.asked == [raw]
            assert proxy.tally.faults == {"tunnel": 1}

    run(work())


def test_the_same_seed_does_the_same() -> None:
    seen: list[list[str]] = []

    async def work() -> None:
        profile = Profile(reset_before=0.3, duplicate=0.3)
        async with proxied(profile, seed=5) as (_proxy, _upstream, client):
            found = [await (await client()).ask() for _ in range(20)]
            seen.append(found)

    run(work())
    run(work())
    assert seen[0] == seen[1]
    assert "reset" in seen[0]
