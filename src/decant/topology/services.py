"""The processes of a topology: ``[services.X]`` and the ports of those that name none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from decant.settings.suggest import suggest
from decant.topology.assign import Assignment, is_name
from decant.topology.model import Gateway, ServiceSpec, is_url
from decant.topology.projects import PROJECT_KEYS, read_project
from decant.topology.table import Table, show

KEYS = ("replicas", "port", "url", "command", "env", *PROJECT_KEYS)
FIRST_PORT = 8001
LAST_PORT = 65535
MAX_REPLICAS = 100


@dataclass(frozen=True, slots=True)
class Declared:
    """A ``[services.X]`` table as written; port 0 is one that is not named, and "" a path that is not."""

    replicas: int = 1
    port: int = 0
    url: str | None = None
    command: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


FindService = Callable[[str, str, bool], str | None]
"""Returns the folder of a service that is an application of its own.

It is told the service's name, the path that was written or "", and whether nothing else says what it is.
"""


def read_services(
    table: Table, assigned: Collection[str], find: FindService, found: Iterable[str] = ()
) -> dict[str, Declared]:
    """Read ``[services]``: what the services of topologies need, and foreign services.

    Args:
        table: ``[services]``.
        assigned: The names of services in any topology.
        find: Looks for the folders of the others.
        found: The names of services that were found, for who has mistyped one.
    """
    known = [*assigned, *found]
    declared = {}
    for name, entry in table.tables().items():
        read = read_service(entry)
        path = None if name in assigned else find(name, read.path, not (read.url or read.command))
        declared[name] = replace(read, path=path or "")
        if not path and not is_name(name):
            table.fault(name, "is no name for a service. Use letters, digits, - and _, a letter first.")
        if read.path and name in assigned:
            entry.fault("path", "has no meaning here: a topology says which modules this service consists of.")
        elif read.path and not path:
            entry.fault("path", f"is {show(read.path)}, and there is no such folder.")
        elif name not in assigned and not (path or read.url or read.command):
            table.fault(
                name,
                f"is in no topology. {suggest(name, known)} A foreign service needs `url`, `command` or `path`.",
            )
    return declared


def read_service(entry: Table) -> Declared:
    """Read one ``[services.X]``."""
    entry.only(KEYS)
    url = entry.text("url") or None
    if entry.data.get("url") == "" or (url and not is_url(url)):
        entry.fault("url", f"is {show(url or '')}, which is no address. Write one such as http://127.0.0.1:9000")
        url = None
    if "command" in entry.data and entry.data["command"] == "":
        entry.fault("command", "is empty. Write what starts the service, or delete the line.")
    return Declared(
        replicas=entry.number("replicas", 1, 1, MAX_REPLICAS),
        port=entry.number("port", 0, 1, LAST_PORT) if "port" in entry.data else 0,
        url=url and url.rstrip("/"),
        command=entry.text("command") or None,
        env=entry.texts("env"),
        path=read_project(entry).get("path", ""),
    )


def specify(
    assignment: Assignment, declared: Mapping[str, Declared], gateway: Gateway, foreign: Collection[str]
) -> tuple[ServiceSpec, ...]:
    """Return a topology's services with ports, the foreign ones last.

    A port that is not named is the next free one from 8001, in the order written, so it is the same
    on every machine. A single service is the public address itself, and listens on the gateway's port; foreign
    services beside it change nothing about that, unless a route of the gateway leads to them.
    """
    entries = {**assignment, **dict.fromkeys(foreign, ())}
    wanted = {name: declared.get(name, Declared()) for name in entries}
    own = [wanted[name] for name in assignment] or list(wanted.values())
    alone = len(own) == 1 and not gateway.routes and own[0].replicas == 1
    edge = next(iter(assignment or entries), None) if alone else None
    taken = {port for entry in wanted.values() if entry.port for port in range(entry.port, entry.port + entry.replicas)}
    taken.add(gateway.port)
    return tuple(
        ServiceSpec(
            name=name,
            modules=entries[name],
            port=entry.port
            or _url_port(entry, entries[name])
            or (gateway.port if name == edge else _take(taken, entry.replicas)),
            url=entry.url,
            replicas=entry.replicas,
            command=entry.command,
            env=entry.env,
            path=entry.path or None,
        )
        for name, entry in wanted.items()
    )


def _url_port(entry: Declared, modules: tuple[str, ...]) -> int:
    """Return the port of a foreign service that is not started here, or 0."""
    if entry.url is None or entry.command is not None or modules:
        return 0
    parts = urlsplit(entry.url)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


def _take(taken: set[int], count: int) -> int:
    first = FIRST_PORT
    while taken.intersection(range(first, first + count)):
        first += 1
    taken.update(range(first, first + count))
    return first


def check_ports(services: tuple[ServiceSpec, ...], gateway: Gateway, table: Table, topology: str) -> None:
    """Report two processes of one topology on one port; a foreign service elsewhere has none here."""
    own = [service for service in services if not service.foreign] or services
    alone = len(own) == 1 and own[0].port == gateway.port
    owner = {} if alone else {gateway.port: "the gateway"}
    for service in services:
        if service.foreign and service.command is None:
            continue
        for port in range(service.port, service.port + service.replicas):
            other = owner.setdefault(port, service.name)
            if other != service.name:
                message = f"{port} is the port of {other} too, in the topology {topology!r}. Choose another one."
                table.faults.add((*table.keys, service.name, "port"), f"{table.name}.{service.name}.port: {message}")
                break
