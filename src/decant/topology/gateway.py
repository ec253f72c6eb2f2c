"""The public address: ``[gateway]`` and the routes that are not derived of the modules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from decant.settings.suggest import suggest
from decant.topology.model import Gateway, GatewayRoute, is_url
from decant.topology.services import LAST_PORT
from decant.topology.table import Table, show

DEFAULT_PORT = 8000


def read_gateway(table: Table, targets: Collection[str]) -> Gateway:
    """Read ``[gateway]``.

    Args:
        table: The table.
        targets: The modules and services that routes may lead to.
    """
    table.only(("port", "routes"))
    keys = table.keys
    routes = [
        _read_route(Table(entry, (*keys, "routes", index), table.faults), targets)
        for index, entry in enumerate(table.items("routes"))
    ]
    seen: set[str] = set()
    for index, route in enumerate(routes):
        if route.path in seen:
            table.faults.add((*keys, "routes", index, "path"), f"the path {show(route.path)} stands twice. Keep one.")
        seen.add(route.path)
    return Gateway(port=table.number("port", DEFAULT_PORT, 1, LAST_PORT), routes=tuple(routes))


def _read_route(table: Table, targets: Collection[str]) -> GatewayRoute:
    table.only(("path", "to"))
    path = table.text("path", "/")
    if not _is_path(path):
        table.fault("path", f"is {show(path)}. Write /exactly, /all/below/* or /*")
    for key in ("path", "to"):
        if key not in table.data and table.data:
            table.faults.add(table.keys, f"{table.name} needs `{key}`.")
    return GatewayRoute(path, _read_targets(table, table.data.get("to", {}), targets))


def _is_path(path: str) -> bool:
    return path.startswith("/") and "*" not in path.removesuffix("/*") and not any(c.isspace() for c in path)


def _read_targets(table: Table, to: Any, targets: Collection[str]) -> dict[str, int]:
    if isinstance(to, str):
        _check_target(table, ("to",), to, targets)
        return {to: 1}
    if not isinstance(to, dict):
        table.fault("to", f"must be a name, or weights such as {{ old = 90, new = 10 }}, not {show(to)}.")
        return {}
    weights = table.table("to")
    for name in weights.data:
        _check_target(table, ("to", name), name, targets)
    found = {name: weights.number(name, 0, 0, 1_000_000) for name in weights.data}
    if "to" in table.data and not sum(found.values()) and not any(not isinstance(w, int) for w in to.values()):
        table.fault("to", "needs a weight above 0.")
    return found


def _check_target(table: Table, keys: tuple[str, ...], name: str, targets: Collection[str]) -> None:
    if name not in targets and not is_url(name):
        at = (*table.keys, *keys)
        table.faults.add(at, f"there is no module or service {show(name)}. {suggest(name, sorted(targets))}")
