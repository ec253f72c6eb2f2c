"""Which module runs in which service: the tables below ``[topologies]``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from decant.settings.suggest import suggest
from decant.topology.table import Table, show

Assignment = dict[str, tuple[str, ...]]
"""A service's name and the modules it hosts."""

REST = "*"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def is_name(name: str) -> bool:
    """Return whether a service or topology may be called so: it becomes part of host and environment names."""
    return bool(_NAME.fullmatch(name))


def implicit(workspace: str, modules: Sequence[str]) -> dict[str, Assignment]:
    """Return the topologies of a workspace that declares none: all together, and all apart.

    Without modules there is only one: services that are applications of their own are apart anyway.
    """
    if not modules:
        return {"services": {}}
    return {
        "monolith": {workspace: tuple(modules)},
        "services": {module: (module,) for module in modules},
    }


def assign(table: Table, modules: Sequence[str]) -> Assignment:
    """Return a topology's services; every module is in exactly one, or it is a fault."""
    named = {service: _members(table, service) for service in table.data if service != REST}
    _check_names(table, named)
    home = _homes(table, named, modules)
    rest = tuple(module for module in modules if module not in home)
    takers = [service for service, members in named.items() if REST in members]
    services = {
        service: (*(m for m in members if home.get(m) == service), *(rest if takers[:1] == [service] else ()))
        for service, members in named.items()
    }
    if REST in table.data:
        _each(table, services, rest, takers)
    elif len(takers) > 1:
        table.fault(takers[1], f'takes the rest ("*"), which {takers[0]!r} takes already. Name its modules.')
    elif rest and not takers:
        table.faults.add(
            table.keys,
            f"{table.name} has no place for {', '.join(map(repr, rest))}. "
            'Add them to a service, or write rest = ["*"] or "*" = "each".',
        )
    return {service: members for service, members in services.items() if members}


def _members(table: Table, service: str) -> list[str]:
    value = table.data[service]
    if isinstance(value, str):
        table.fault(service, f'must be a list of modules. Write {service} = ["{value}"]')
        return []
    members = table.items(service)
    if isinstance(value, list) and not members:
        table.fault(service, f"is empty. Name its modules, or delete the line; {REST!r} means all the rest.")
    for index, member in enumerate(members):
        if not isinstance(member, str):
            table.faults.add(
                (*table.keys, service, index), f"{table.name}.{service} names modules in quotes, not {show(member)}."
            )
    return [member for member in members if isinstance(member, str)]


def _check_names(table: Table, named: Mapping[str, Sequence[str]]) -> None:
    by_env: dict[str, str] = {}
    for service in named:
        if not is_name(service):
            table.fault(service, "is no name for a service. Use letters, digits, - and _, a letter first.")
        other = by_env.setdefault(service.upper().replace("-", "_"), service)
        if other != service:
            table.fault(service, f"and {other!r} would share one environment name. Rename one of them.")


def _homes(table: Table, named: Mapping[str, Sequence[str]], modules: Sequence[str]) -> dict[str, str]:
    """Return each named module's service; report modules that are unknown or named twice."""
    home: dict[str, str] = {}
    for service, members in named.items():
        for member in members:
            if member == REST:
                continue
            at = (*table.keys, service, table.data[service].index(member))
            if member not in modules:
                table.faults.add(at, f"there is no module {member!r}. {suggest(member, modules)}")
            elif member in home:
                where = f"{home[member]!r}" if home[member] != service else "the same list"
                table.faults.add(at, f"module {member!r} is in {where} already. Keep one: a module runs once.")
            else:
                home[member] = service
    return home


def _each(table: Table, services: Assignment, rest: Sequence[str], takers: Sequence[str]) -> None:
    """Give every module of the rest a service of its own name."""
    if table.data[REST] != "each":
        table.fault(REST, 'can only be "each": one service for each module that is not named.')
    if takers:
        table.fault(takers[0], f'takes the rest ("*"), and so does "{REST}" = "each". Keep one of them.')
        return
    for module in rest:
        if module in services:
            table.fault(module, f"is a service of other modules, so the module {module!r} needs another place.")
        services.setdefault(module, (module,))
