"""``/health`` at the public address: every service asked at the same time, with a deadline, at most once a second.

The answer is that of one process (:mod:`decant.http.health`): a key for each module, false for one that is down or
whose database does not answer. A service with several instances is well when one of them is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from decant.gateway.base import Address

DEADLINE_S = 0.8
CACHE_S = 1.0
MAX_BYTES = 64 * 1024


class Asked(Protocol):
    """A service with its addresses."""

    @property
    def name(self) -> str: ...
    @property
    def addresses(self) -> Sequence[Address]: ...


class ServiceHealth:
    """What the services say of themselves.

    Args:
        modules: Each module and the service that hosts it.
        deadline_s: Seconds in which all have answered, or are down.
        cache_s: Seconds for which an answer is good, however many ask.
    """

    def __init__(
        self, modules: Mapping[str, Asked], *, deadline_s: float = DEADLINE_S, cache_s: float = CACHE_S
    ) -> None:
        self._modules = dict(sorted(modules.items()))
        self._services = {service.name: service for service in self._modules.values()}
        self._deadline_s = deadline_s
        self._cache_s = cache_s
        self._asking: asyncio.Task[dict[str, bool]] | None = None
        self._ended = 0.0

    async def modules(self) -> dict[str, bool]:
        """Return each module and whether it is well."""
        loop = asyncio.get_running_loop()
        asking = self._asking
        if asking is None or (asking.done() and loop.time() - self._ended >= self._cache_s):
            asking = self._asking = loop.create_task(self._ask())
        return await asyncio.shield(asking)  # one who hangs up does not take the answer from the others

    async def _ask(self) -> dict[str, bool]:
        names = list(self._services)
        answers = await asyncio.gather(*(self._ask_service(self._services[name]) for name in names))
        found = dict(zip(names, answers, strict=True))
        self._ended = asyncio.get_running_loop().time()
        return {module: _is_well(module, found[service.name]) for module, service in self._modules.items()}

    async def _ask_service(self, service: Asked) -> list[Any]:
        """Return what the instances answered that did in time."""
        asking = [asyncio.ensure_future(_ask_instance(address)) for address in service.addresses]
        done, late = await asyncio.wait(asking, timeout=self._deadline_s)
        for task in late:
            task.cancel()
        return [task.result() for task in done if task.exception() is None]


def _is_well(module: str, answers: Sequence[Any]) -> bool:
    return any(_says_well(module, answer) for answer in answers)


def _says_well(module: str, answer: Any) -> bool:
    """Return what a service's own answer says of one module.

    One with all modules says it of each; another has a check for the database of each, and modules without one are well
    when it answers.
    """
    if not isinstance(answer, dict):
        return False
    modules, checks = answer.get("services"), answer.get("checks")
    if isinstance(modules, dict):
        return modules.get(module) is True
    known = checks.get(f"{module}-database") if isinstance(checks, dict) else None
    return known if isinstance(known, bool) else "status" in answer


async def _ask_instance(address: Address) -> Any:
    """Return the document at an instance's ``/health``.

    Raises:
        OSError: When it cannot be reached.
        ValueError: When it answers something else.
    """
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=MAX_BYTES)
    try:
        writer.write(
            b"GET /health HTTP/1.1\r\nHost: %b\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
            % f"{address.host}:{address.port}".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status not in (200, 503):
            raise ValueError(f"status {status}")
        body = await reader.read(MAX_BYTES)
        while chunk := await reader.read(MAX_BYTES):
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError("a long answer")
        return json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])  # also where it came in chunks
    finally:
        writer.close()
