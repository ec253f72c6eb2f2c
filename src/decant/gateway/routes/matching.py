"""Which route a path belongs to, as Werkzeug decides it, in a fraction of its time.

The rules are compiled by Werkzeug itself and walked in its order: static segments before dynamic ones, those by weight,
longer routes again when a branch leads nowhere; a route that matches but for the method is remembered and passed over.
A path that is no template is looked up at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, RequestRedirect, Rule
from werkzeug.routing.converters import NumberConverter
from werkzeug.routing.rules import RulePart

from decant.gateway.routes.manifest import Pattern

ANY_METHOD = "--"
"""A method that no route has."""


class Routed(Protocol):
    """What a table holds: a template with its methods."""

    @property
    def module(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def methods(self) -> tuple[str, ...]: ...
    @property
    def strict(self) -> bool: ...


R = TypeVar("R", bound=Routed)


class Found(NamedTuple, Generic[R]):
    """What a table knows of a path and a method.

    Attributes:
        route: Who answers, or None.
        allowed: Without a route: the methods that the path has; none for a path that is not there.
    """

    route: R | None
    allowed: frozenset[str] = frozenset()


_PLAIN_VARIABLE = r"(?P<__werkzeug_0>[^/]{1,})\Z"
"""What Werkzeug makes of ``<name>``: anything that is not empty, which is found out faster without an expression."""

_NOWHERE: Found[Routed] = Found(None)


class _Leaf(NamedTuple, Generic[R]):
    route: R
    methods: frozenset[str]
    strict: bool
    checked: bool  # its converters look at values, not only at the form


class _Node(Generic[R]):
    __slots__ = ("dynamic", "leaves", "modules", "static")

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.static: dict[str, _Node[R]] = {}
        self.dynamic: list[_Step[R]] = []
        self.leaves: list[_Leaf[R]] = []


class _Step(NamedTuple, Generic[R]):
    part: RulePart
    match: Callable[[str], object]
    final: bool  # takes all that is left, slashes included
    node: _Node[R]


class Table(Generic[R]):
    """Routes, compiled.

    Args:
        routes: In any order; what Flask would register.
        patterns: Converters that are not Werkzeug's.
    """

    def __init__(self, routes: Iterable[R], patterns: Mapping[str, Pattern] | None = None) -> None:
        self._root: _Node[R] = _Node()
        self._exact: dict[str, _Leaf[R]] = {}
        converters = {name: _converter(known) for name, known in (patterns or {}).items()}
        self._map = Map(converters=converters)
        for route in routes:
            rule = Rule(
                route.rule or route.path, endpoint=route, methods=list(route.methods), strict_slashes=route.strict
            )
            self._map.add(rule)
            self._add(rule, route)
        _sort(self._root)
        self._adapter = self._map.bind("edge")

    def find(self, path: str, method: str) -> Found[R]:
        """Return who answers a path.

        Args:
            path: Unquoted, without empty segments but for one at its end.
            method: In upper case.
        """
        leaf = self._exact.get(path)
        if leaf is not None and method in leaf.methods:
            return Found(leaf.route)
        allowed: set[str] = set()
        leaf = self._walk(self._root, path.split("/"), 1, method, allowed)
        if leaf is None:
            return Found(None, frozenset(allowed)) if allowed else _NOWHERE  # type: ignore[return-value]
        return self._ask_werkzeug(path, method) if leaf.checked else Found(leaf.route)

    def methods(self, path: str) -> frozenset[str]:
        """Return every method that some route has for a path."""
        return self.find(path, ANY_METHOD).allowed

    def alone(self, path: str) -> str | None:
        """Return the module that alone has routes where a path leads nowhere: below its longest known beginning.

        Its service says no for it, since a module may have its own words for that. None where several modules have
        routes there, or the beginning is all that is known.
        """
        node = self._root
        for part in path.split("/")[1:]:
            child = node.static.get(part)
            if child is None:
                break
            node = child
        return next(iter(node.modules)) if node is not self._root and len(node.modules) == 1 else None

    def _add(self, rule: Rule, route: R) -> None:
        node = self._root
        for part in rule._parts[2:]:  # after the host, and the empty segment before the first slash
            node = _step(node, part)
            node.modules.add(route.module)
        checked = any(_looks_at_values(converter) for converter in rule._converters.values())
        leaf = _Leaf(route, frozenset(rule.methods or ()), bool(rule.strict_slashes), checked)
        node.leaves.append(leaf)
        if not rule.arguments:
            self._exact.setdefault(route.path, leaf)

    def _walk(self, node: _Node[R], parts: list[str], at: int, method: str, allowed: set[str]) -> _Leaf[R] | None:
        if at == len(parts):
            return _ended(node, method, allowed)
        part = parts[at]
        child = node.static.get(part)
        if child is not None:
            leaf = self._walk(child, parts, at + 1, method, allowed)
            if leaf is not None:
                return leaf
        for step in node.dynamic:
            if step.final:
                leaf = self._walk_to_the_end(step, "/".join(parts[at:]), method, allowed)
            else:
                leaf = self._walk(step.node, parts, at + 1, method, allowed) if step.match(part) else None
            if leaf is not None:
                return leaf
        if not part and at == len(parts) - 1:  # a slash at the end, where it makes no difference
            return _first((leaf for leaf in node.leaves if not leaf.strict), method, allowed)
        return None

    def _walk_to_the_end(self, step: _Step[R], rest: str, method: str, allowed: set[str]) -> _Leaf[R] | None:
        """Go on where a variable takes slashes too."""
        found = step.match(rest)
        if not found:
            return None
        slash = step.part.suffixed and isinstance(found, re.Match) and found.groups()[-1] == "/"
        return self._walk(step.node, [""] if slash else [], 0, method, allowed)

    def _ask_werkzeug(self, path: str, method: str) -> Found[R]:
        """Ask where values decide, which is rare: ``<int(max=9):page>``."""
        try:
            rule, _ = self._adapter.match(path, method, return_rule=True)
        except RequestRedirect:  # to the same path with a slash, which its module does
            return self._ask_werkzeug(f"{path}/", method)
        except HTTPException as error:
            methods = getattr(error, "valid_methods", None)
            return Found(None, frozenset(methods or ()))
        route: R = rule.endpoint
        return Found(route)


def _step(node: _Node[R], part: RulePart) -> _Node[R]:
    if part.static:
        return node.static.setdefault(part.content, _Node())
    for known in node.dynamic:
        if known.part == part:
            return known.node
    child: _Node[R] = _Node()
    match = bool if part.content == _PLAIN_VARIABLE else re.compile(part.content).match
    node.dynamic.append(_Step(part, match, part.final, child))
    return child


def _sort(node: _Node[R]) -> None:
    node.dynamic.sort(key=lambda step: step.part.weight)
    for child in (*node.static.values(), *(step.node for step in node.dynamic)):
        _sort(child)


def _ended(node: _Node[R], method: str, allowed: set[str]) -> _Leaf[R] | None:
    leaf = _first(node.leaves, method, allowed)
    if leaf is not None:
        return leaf
    slashed = node.static.get("")  # with one more slash there is a route: its module redirects there
    return next((leaf for leaf in slashed.leaves if method in leaf.methods), None) if slashed else None


def _first(leaves: Iterable[_Leaf[R]], method: str, allowed: set[str]) -> _Leaf[R] | None:
    for leaf in leaves:
        if method in leaf.methods:
            return leaf
        allowed |= leaf.methods
    return None


def _looks_at_values(converter: BaseConverter) -> bool:
    if isinstance(converter, NumberConverter):
        return bool(converter.fixed_digits) or converter.min is not None or converter.max is not None
    return False


def _converter(pattern: Pattern) -> type[BaseConverter]:
    return type(
        "PatternConverter",
        (BaseConverter,),
        {"regex": pattern.regex, "part_isolating": pattern.whole, "weight": pattern.weight},
    )
