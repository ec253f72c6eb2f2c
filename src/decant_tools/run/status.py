"""What runs, as JSON's types: what ``decant ps`` and the end of ``decant up`` show."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from decant_tools.run.keeper import PROBE_S, Keeper
from decant_tools.run.plan import Outside
from decant_tools.run.readiness import ask_url


async def describe(keepers: Sequence[Keeper], outside: Sequence[Outside]) -> list[dict[str, Any]]:
    """Return every service, each asked for its health now.

    Shape:
        ``name``, ``kind``, ``urls`` of all replicas, ``processes`` with one entry for each, and the first one's
        ``url``, ``pid``, ``state``, ``health`` (``healthy``, ``unhealthy``), ``why``, ``restarts``, ``uptime_s``.
    """
    asked = await asyncio.gather(
        *(keeper.health() for keeper in keepers), *(ask_url(each.urls[0], PROBE_S) for each in outside)
    )
    services: dict[str, dict[str, Any]] = {}
    for keeper, why in zip(keepers, asked, strict=False):
        process = {**keeper.as_fields(), "health": _health(why)}
        process["why"] = process["why"] or why
        name = keeper.plan.service
        service = services.setdefault(name, {**process, "name": name, "urls": [], "processes": []})
        service["urls"].append(keeper.plan.url)
        service["processes"].append(process)
    for each, why in zip(outside, asked[len(keepers) :], strict=True):
        services[each.name] = _elsewhere(each, why)
    return list(services.values())


def _elsewhere(outside: Outside, why: str) -> dict[str, Any]:
    return {
        "name": outside.name, "kind": "outside", "url": outside.urls[0], "pid": None, "state": "outside",
        "health": _health(why), "why": why or outside.why, "restarts": 0, "uptime_s": None,
        "urls": list(outside.urls), "processes": [],
    }  # fmt: skip


def _health(why: str) -> str:
    return "unhealthy" if why else "healthy"
