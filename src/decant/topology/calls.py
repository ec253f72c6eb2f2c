"""How calls between modules behave: ``[calls.MODULE]`` and ``[calls.MODULE.from.CALLER]``.

Edges are named by modules and not by services, so that the tables stay as they are when modules move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decant.settings.call_policy import DEFAULT, BreakerPolicy, CallPolicies, CallPolicy
from decant.settings.suggest import suggest
from decant.topology.table import Table, show

EDGE_KEYS = ("timeout_s", "attempts", "retry_ratio", "retries_per_s", "concurrency")
KEYS = (*EDGE_KEYS, "breaker", "from")
BREAKER_KEYS = ("failure_ratio", "volume", "window_s", "probe_s")


def read_calls(table: Table, modules: Sequence[str]) -> CallPolicies:
    """Read ``[calls]``.

    Args:
        table: The table.
        modules: The workspace's modules.
    """
    to: dict[str, CallPolicy] = {}
    edges: dict[tuple[str, str], CallPolicy] = {}
    for called, entry in table.tables().items():
        _check_module(table, called, modules)
        entry.only(KEYS)
        to[called] = replace(_read_edge(entry, DEFAULT), breaker=_read_breaker(entry.table("breaker")))
        callers = entry.table("from")
        for caller, edge in callers.tables().items():
            _check_module(callers, caller, modules)
            _check_edge(edge, callers, called, caller)
            edges[caller, called] = _read_edge(edge, to[called])
    return CallPolicies(to, edges)


def _check_module(table: Table, name: str, modules: Sequence[str]) -> None:
    if name not in modules:
        table.faults.add((*table.keys, name), f"there is no module {show(name)}. {suggest(name, modules)}")


def _check_edge(edge: Table, callers: Table, called: str, caller: str) -> None:
    if caller == called:
        callers.fault(caller, "is no edge: a module's own calls do not leave it.")
    if "breaker" in edge.data:
        edge.fault(
            "breaker", f"is the same for all callers: what is down is the other side. Move it to [calls.{called}]."
        )
        return
    edge.only(EDGE_KEYS)


def _read_edge(table: Table, default: CallPolicy) -> CallPolicy:
    return replace(
        default,
        timeout_s=table.decimal("timeout_s", default.timeout_s, 0.01, 3600),
        attempts=table.number("attempts", default.attempts, 1, 10),
        retry_ratio=table.decimal("retry_ratio", default.retry_ratio, 0, 1),
        retries_per_s=table.decimal("retries_per_s", default.retries_per_s, 0, 1000),
        concurrency=table.number("concurrency", default.concurrency, 1, 10_000),
    )


def _read_breaker(table: Table) -> BreakerPolicy:
    table.only(BREAKER_KEYS)
    default = DEFAULT.breaker
    return BreakerPolicy(
        failure_ratio=table.decimal("failure_ratio", default.failure_ratio, 0.01, 1),
        volume=table.number("volume", default.volume, 1, 1_000_000),
        window_s=table.decimal("window_s", default.window_s, 0.1, 600),
        probe_s=table.decimal("probe_s", default.probe_s, 0.1, 600),
    )
