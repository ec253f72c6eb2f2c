"""Where each request goes.

In this order:

1. What nobody may reach from outside (``/-`` and below) is 404.
2. A route written in ``decant.toml`` wins over those derived of the modules: the exact path first, then the longest
   ``/path/*``.
3. The routes of the modules, as one process has them; where a path is known and the method is not: 405.
4. ``/*``, where it is written, takes what is left. Else it is 404.

A written route to a module or a service of the workspace answers no more than is public there. A foreign one gets
everything below its path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from decant.gateway.base import Answer, Forward, Head
from decant.gateway.routes.documents import Documents, is_browser, not_allowed, not_found, options
from decant.gateway.routes.manifest import EDGE, Manifest, RouteEntry
from decant.gateway.routes.matching import Table
from decant.gateway.routes.weights import Dial
from decant.gateway.upstream import Upstream

EDGE_HEADER = b"decant-edge"
"""Tells a service what only the gateway knows: :mod:`decant.service.edge`."""

REST = "/*"
_INTERNAL = "/-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for everything that is forwarded.

    Attributes:
        timeout_s: Seconds until the head of an answer, then between two parts of its body.
        body_limit: Bytes that a request's body may have.
    """

    timeout_s: float = 31.0
    body_limit: int = 8 * 1024 * 1024

    def forward(self, upstream: Upstream, route: str, *headers: tuple[bytes, bytes]) -> Forward:
        """Return where a request goes."""
        return Forward(upstream, self.timeout_s, self.body_limit, route, headers)


class Leg:
    """A derived route and where it leads."""

    __slots__ = ("automatic", "endpoint", "forward", "methods", "module", "path", "rule", "strict")

    def __init__(self, entry: RouteEntry, forward: Forward | None) -> None:
        self.path = entry.path
        self.rule = entry.rule
        self.methods = entry.methods
        self.strict = entry.strict
        self.automatic = entry.automatic
        self.endpoint = entry.endpoint
        self.module = entry.module
        self.forward = forward


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What a written route may lead to.

    Attributes:
        name: As written.
        upstream: The service.
        modules: The modules whose public routes it answers; None for everything that it is asked.
    """

    name: str
    upstream: Upstream
    modules: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A route of ``decant.toml``.

    Attributes:
        path: ``/exactly``, ``/all/below/*`` or ``/*``.
        to: The targets and their weights.
    """

    path: str
    to: Mapping[Target, int]


@dataclass(slots=True)
class _Choice:
    """A written route, compiled."""

    dial: Dial[Target]
    forwards: Mapping[Target, Forward]
    tables: dict[Target, Table[Leg]] = field(default_factory=dict)


class Routes:
    """The router of a workspace.

    Args:
        manifest: What its modules answer.
        services: The service of each module.
        written: The routes of ``decant.toml``.
        documents: Answers the edge's own paths.
        terms: Hold for what is forwarded.
    """

    def __init__(
        self,
        manifest: Manifest,
        services: Mapping[str, Upstream],
        written: Sequence[Written],
        documents: Documents,
        terms: Terms | None = None,
    ) -> None:
        self._terms = terms or Terms()
        self._documents = documents
        self._patterns = manifest.patterns
        self._below = f"{manifest.prefix}/" if manifest.prefix else ""
        self._services = services
        self._pages = services[manifest.pages] if manifest.pages is not None else None
        self._legs = [self._leg(entry, services) for entry in manifest.routes]
        self._table = Table(self._legs, self._patterns)
        self._exact: dict[str, _Choice] = {}
        self._prefixes: list[tuple[str, _Choice]] = []
        self._rest: _Choice | None = None
        for one in sorted(written, key=lambda one: -len(one.path)):
            self._add(one)

    def route(self, head: Head) -> Forward | Answer | Awaitable[Answer]:
        """Return what happens to a request."""
        path = head.path
        if "%" in path:
            path = unquote(path, errors="replace")
        if path.startswith(_INTERNAL) and path[2:3] in ("", "/"):
            return self._lost(head, path, ())
        choice = self._written(path)
        if choice is not None:
            return self._choose(choice, head, path)
        found = self._table.find(path, head.method)
        if found.route is not None:
            return self._follow(found.route, self._table, head, path)
        if self._rest is not None and not found.allowed:
            return self._choose(self._rest, head, path)
        return self._lost(head, path, found.allowed)

    def _leg(self, entry: RouteEntry, services: Mapping[str, Upstream]) -> Leg:
        if entry.module == EDGE:
            return Leg(entry, None)
        return Leg(entry, self._terms.forward(services[entry.module], entry.path))

    def _add(self, written: Written) -> None:
        forwards = {target: self._terms.forward(target.upstream, written.path) for target in written.to}
        choice = _Choice(Dial(written.path, written.to), forwards)
        for target in written.to:
            if target.modules is not None:
                choice.tables[target] = Table(self._of(target.modules), self._patterns)
        if written.path == REST:
            self._rest = choice
        elif written.path.endswith("/*"):
            self._prefixes.append((written.path[:-1], choice))
        else:
            self._exact[written.path] = choice

    def _of(self, modules: Collection[str]) -> Iterable[Leg]:
        return [leg for leg in self._legs if leg.module in modules]

    def _written(self, path: str) -> _Choice | None:
        """Return the written route of a path; ``/x/*`` is ``/x`` too."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        for prefix, choice in self._prefixes:
            if path.startswith(prefix) or path == prefix[:-1]:
                return choice
        return None

    def _choose(self, choice: _Choice, head: Head, path: str) -> Forward | Answer | Awaitable[Answer]:
        target = choice.dial.targets[0] if len(choice.dial.targets) == 1 else choice.dial.choose(client_of(head))
        table = choice.tables.get(target)
        if table is None:
            return choice.forwards[target]
        found = table.find(path, head.method)
        if found.route is not None:
            return self._follow(found.route, table, head, path)
        return self._lost(head, path, found.allowed)

    def _follow(self, leg: Leg, table: Table[Leg], head: Head, path: str) -> Forward | Answer | Awaitable[Answer]:
        if head.method == "OPTIONS" and leg.automatic:
            allowed = ", ".join(sorted(table.methods(path) or leg.methods))
            if leg.forward is None:
                return options(allowed.split(", "), leg.path)
            return self._terms.forward(leg.forward.upstream, leg.path, (EDGE_HEADER, f"200 {allowed}".encode()))
        return leg.forward or self._documents.answer(head, leg.endpoint, leg.path)

    def _lost(self, head: Head, path: str, allowed: Collection[str]) -> Forward | Answer:
        """Answer where nothing does.

        Browsers get the page that the pages' module makes of it. Programs get what the module says that alone has
        routes there, and the gateway's own problem elsewhere.
        """
        refuser = self._pages
        if refuser is None or not is_browser(head) or (self._below and path.startswith(self._below)):
            refuser = self._services.get(self._table.alone(path) or EDGE)
        if refuser is None:
            return not_allowed(head, allowed) if allowed else not_found(head)
        said = f"405 {', '.join(sorted(allowed))}" if allowed else "404"
        return self._terms.forward(refuser, "", (EDGE_HEADER, said.encode()))


def client_of(head: Head) -> bytes:
    """Return who a client is to a dial: its credentials, else its address."""
    return head.header(b"authorization") or head.client.encode()
