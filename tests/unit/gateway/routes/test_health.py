"""The gateway asks every service at once, waits no longer than it says, and asks once for many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from decant.gateway.base import Address
from decant.gateway.health import ServiceHealth


@dataclass
class Service:
    name: str
    addresses: list[Address] = field(default_factory=list)
    asked: int = 0


Reply = Callable[[Service], Awaitable[bytes]]


def says(status: int, document: object) -> Reply:
    async def reply(service: Service) -> bytes:
        body = json.dumps(document).encode()
        return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n\r\n%b" % (status, body)

    return reply


async def nothing(service: Service) -> bytes:
    await asyncio.Event().wait()
    raise AssertionError


async def nonsense(service: Service) -> bytes:
    return b"HTTP/1.1 200 OK\r\n\r\n<html>"


@asynccontextmanager
async def serving(service: Service, reply: Reply) -> AsyncIterator[Service]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        service.asked += 1
        try:
            writer.write(await reply(service))
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    service.addresses.append(Address(*server.sockets[0].getsockname()[:2]))
    try:
        yield service
    finally:
        server.close()


HEALTHY = says(200, {"status": "healthy", "checks": {"auth-database": True}})


async def found(reply: Reply, module: str = "auth", deadline_s: float = 5.0) -> bool:
    async with serving(Service("one"), reply) as service:
        return (await ServiceHealth({module: service}, deadline_s=deadline_s).modules())[module]


@pytest.mark.parametrize(
    ("reply", "module", "well"),
    [
        (HEALTHY, "auth", True),
        (HEALTHY, "web", True),  # it has no database
        (says(503, {"status": "unhealthy", "checks": {"auth-database": False}}), "auth", False),
        (says(503, {"status": "unhealthy", "checks": {"auth-database": False}}), "web", True),
        (says(200, {"gateway": "healthy", "services": {"auth": True}}), "auth", True),
        (says(200, {"gateway": "healthy", "services": {"auth": False}}), "auth", False),
        (says(500, {"status": "healthy"}), "auth", False),
        (says(200, ["healthy"]), "auth", False),
        (says(200, {"title": "something else"}), "auth", False),
        (nonsense, "auth", False),
    ],
)
def test_a_module_is_as_well_as_its_service_says(reply: Reply, module: str, well: bool) -> None:
    assert asyncio.run(found(reply, module)) is well


def test_one_that_hangs_is_down_when_the_time_is_over() -> None:
    assert asyncio.run(found(nothing, deadline_s=0.1)) is False


def test_one_that_is_not_there_is_down_and_the_others_are_not() -> None:
    async def ask() -> dict[str, bool]:
        async with serving(Service("here"), HEALTHY) as here, serving(Service("gone"), HEALTHY) as gone:
            health = ServiceHealth(
                {"web": here, "auth": Service("none", [Address("127.0.0.1", 1)]), "cart": gone}, deadline_s=5.0
            )
            return await health.modules()

    assert asyncio.run(ask()) == {"auth": False, "cart": True, "web": True}


def test_a_service_is_well_when_one_of_its_instances_is() -> None:
    async def ask() -> dict[str, bool]:
        async with serving(Service("one", [Address("127.0.0.1", 1)]), HEALTHY) as service:
            return await ServiceHealth({"auth": service}, deadline_s=5.0).modules()

    assert asyncio.run(ask()) == {"auth": True}


def test_many_who_ask_at_once_ask_each_service_once_also_for_several_modules() -> None:
    async def ask() -> int:
        async with serving(Service("one"), HEALTHY) as service:
            health = ServiceHealth({"auth": service, "users": service}, deadline_s=5.0, cache_s=60.0)
            await asyncio.gather(*(health.modules() for _ in range(20)))
            await health.modules()
            return service.asked

    assert asyncio.run(ask()) == 1


def test_one_who_hangs_up_does_not_take_the_answer_from_the_others() -> None:
    async def ask() -> dict[str, bool]:
        async with serving(Service("one"), HEALTHY) as service:
            health = ServiceHealth({"auth": service}, deadline_s=5.0)
            first, second = asyncio.ensure_future(health.modules()), asyncio.ensure_future(health.modules())
            await asyncio.sleep(0)
            first.cancel()
            return await second

    assert asyncio.run(ask()) == {"auth": True}
