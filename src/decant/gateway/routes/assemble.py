"""Makes the router of a workspace: who hosts what, where it answers, and what ``decant.toml`` says about routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from decant.errors import SettingsError
from decant.gateway.base import Address, State
from decant.gateway.health import ServiceHealth
from decant.gateway.routes.documents import Documents
from decant.gateway.routes.manifest import Manifest
from decant.gateway.routes.router import Routes, Target, Terms, Written
from decant.gateway.upstream import Upstream
from decant.settings import CallSettings, HttpSettings, load_one
from decant.topology import Workspace
from decant.topology.model import ServiceSpec, is_url

GRACE_S = 1.0
"""Seconds that a service has to say by itself that its deadline is over, before the gateway says so."""

MakeUpstream = Callable[[str, Sequence[Address]], Upstream]


def make_routes(
    workspace: Workspace, manifest: Manifest, state: State, make_upstream: MakeUpstream = Upstream
) -> Routes:
    """Return the router of a workspace in its chosen topology.

    Args:
        workspace: The workspace; addresses come from its environment.
        manifest: What its modules answer.
        state: Where the gateway's process is in its life.
        make_upstream: Makes a service of a name and its addresses.

    Raises:
        SettingsError: When the manifest is of other modules, or a route leads to what the topology does not have.
    """
    missing = set(manifest.modules) ^ set(workspace.modules)
    if missing:
        names = ", ".join(sorted(missing))
        fault = f"The manifest and {workspace.file.label} differ in the modules {names}."
        raise SettingsError([f"{fault} Write it again: decant routes --manifest FILE"])
    upstreams = _Upstreams(workspace, make_upstream)
    services = {module: upstreams.of(workspace.service_of(module)) for module in workspace.modules}
    written = _written(workspace, upstreams)
    return Routes(manifest, services, written, Documents(manifest, ServiceHealth(services), state), _terms(workspace))


def _terms(workspace: Workspace) -> Terms:
    calls, http = load_one(CallSettings, workspace.sources), load_one(HttpSettings, workspace.sources)
    return Terms(timeout_s=calls.deadline_s + GRACE_S, body_limit=http.max_body_bytes)


class _Upstreams:
    """One for each service, however many routes lead to it."""

    def __init__(self, workspace: Workspace, make: MakeUpstream) -> None:
        self._workspace = workspace
        self._make = make
        self._made: dict[str, Upstream] = {}

    def of(self, service: ServiceSpec) -> Upstream:
        return self.at(service.name, self._workspace.urls_of(service, self._workspace.environ))

    def at(self, name: str, urls: Sequence[str]) -> Upstream:
        if name not in self._made:
            self._made[name] = self._make(name, tuple(_address(name, url) for url in urls))
        return self._made[name]


def _address(name: str, url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.path.strip("/") or parts.query or parts.username:
        raise SettingsError(
            [f"The gateway reaches {name} by plain HTTP at a host and a port, such as http://127.0.0.1:9000, not {url}"]
        )
    return Address(parts.hostname or "", parts.port or 80)


def _written(workspace: Workspace, upstreams: _Upstreams) -> list[Written]:
    faults: list[str] = []
    routes = []
    for index, route in enumerate(workspace.gateway.routes):
        to: dict[Target, int] = {}
        for name, weight in route.to.items():
            target = _target(workspace, upstreams, name)
            if target is None:
                at = workspace.file.at("gateway", "routes", index, "to")
                have = ", ".join(spec.name for spec in workspace.services())
                faults.append(
                    f"{at}: the route {route.path} leads to {name!r}, which the topology {workspace.topology!r} "
                    f"does not have. It has {have}, and all modules."
                )
            else:
                to[target] = weight
        routes.append(Written(route.path, to))
    if faults:
        raise SettingsError(faults)
    return routes


def _target(workspace: Workspace, upstreams: _Upstreams, name: str) -> Target | None:
    if name in workspace.modules:
        return Target(name, upstreams.of(workspace.service_of(name)), (name,))
    for service in workspace.services():
        if service.name == name:
            return Target(name, upstreams.of(service), None if service.foreign else service.modules)
    return Target(name, upstreams.at(name, (name,))) if is_url(name) else None


def describe_routes(manifest: Manifest, workspace: Workspace) -> list[Mapping[str, str]]:
    """Return the table of routes as texts: what is written first, in the order in which it is looked at."""
    written = sorted(workspace.gateway.routes, key=lambda route: (route.path == "/*", -len(route.path)))
    own = [
        {"methods": "any", "path": route.path, "to": _weights(route.to), "source": workspace.file.label}
        for route in written
    ]
    derived = [
        {
            "methods": ", ".join(method for method in route.methods if method not in ("HEAD", "OPTIONS")),
            "path": route.path,
            "to": workspace.service_of(route.module).name if route.module else "(the gateway)",
            "source": route.module or "-",
        }
        for route in manifest.routes
    ]
    last = [one for one in own if one["path"] == "/*"]
    return [*(one for one in own if one["path"] != "/*"), *derived, *last]


def _weights(to: Mapping[str, int]) -> str:
    if len(to) == 1:
        return next(iter(to))
    total = sum(to.values())
    return ", ".join(f"{name} {weight / total:.0%}" for name, weight in to.items())
