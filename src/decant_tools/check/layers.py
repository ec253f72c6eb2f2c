"""Layers of packages: imports point downwards only, and siblings leave each other alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from decant_tools.check.imports import Import, ImportGraph
from decant_tools.check.violations import Violation


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Args:
        names: Names of its packages and modules, below the container.
        independent: Whether they must not import each other.
        optional: The names that need not exist.
    """

    names: tuple[str, ...]
    independent: bool
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of one package, from high to low.

    Args:
        container: The package that holds them.
        layers: From high to low.
        outside: Names in the container that belong to no layer: they import nothing of it, and nothing imports them.
    """

    container: str
    layers: tuple[Layer, ...]
    outside: frozenset[str] = frozenset()

    def level(self, name: str) -> int | None:
        """Return the position of a name, 0 for the highest layer."""
        return next((level for level, layer in enumerate(self.layers) if name in layer.names), None)

    def member(self, module: str) -> str | None:
        """Return the name that a module belongs to: "" for the container itself, None for what is elsewhere."""
        if module == self.container:
            return ""
        prefix = f"{self.container}."
        return module.removeprefix(prefix).partition(".")[0] if module.startswith(prefix) else None

    def members(self, graph: ImportGraph) -> dict[str, str]:
        """Return every name that exists in the container, and its first file."""
        named = ((self.member(module), path) for module, path in sorted(graph.paths.items(), reverse=True))
        return {name: path for name, path in named if name}


def parse_layers(container: str, texts: Sequence[str], outside: Sequence[str] = ()) -> Layers:
    """Read layers in import-linter's writing: ``a | b`` are apart, ``a : b`` are not, ``(a)`` need not exist."""
    return Layers(container, tuple(_parse_layer(text) for text in texts), frozenset(outside))


def _parse_layer(text: str) -> Layer:
    parts = [part.strip() for part in text.replace(":", "|").split("|")]
    names = tuple(part.strip("()") for part in parts)
    return Layer(names, ":" not in text, frozenset(part.strip("()") for part in parts if part.startswith("(")))


def layer_violations(graph: ImportGraph, layers: Layers) -> list[Violation]:
    """Return every import that points upwards or sideways, and every name without a place."""
    return [*_misplaced(graph, layers), *(found for each in graph.imports if (found := _judge(each, layers)))]


def forbidden_violations(graph: ImportGraph, sources: Sequence[str], targets: Sequence[str]) -> list[Violation]:
    """Return every import from one of the sources, or below, to one of the targets, or below."""
    return [
        Violation(each.path, each.line, "forbidden", f"{each.importer} must not import {each.imported}")
        for each in graph.imports
        if _within(each.importer, sources) and _within(each.imported, targets)
    ]


def _within(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _misplaced(graph: ImportGraph, layers: Layers) -> Iterator[Violation]:
    present = layers.members(graph)
    for name, path in present.items():
        if layers.level(name) is None and name not in layers.outside:
            message = f"{layers.container}.{name} is in no layer: give it a place in the contract"
            yield Violation(path, 0, "layer-unknown", message)
    for layer in layers.layers:
        for name in layer.names:
            if name not in present and name not in layer.optional:
                yield Violation(
                    f"{layers.container}.{name}", 0, "layer-missing", "the layers name it, and there is none"
                )


def _judge(each: Import, layers: Layers) -> Violation | None:
    importer, imported = layers.member(each.importer), layers.member(each.imported)
    if not importer or imported is None or importer == imported:
        return None
    problem = _problem(importer, imported, layers)
    return (
        Violation(each.path, each.line, "layer", f"{each.importer} imports {each.imported}: {problem}")
        if problem
        else None
    )


def _problem(importer: str, imported: str, layers: Layers) -> str | None:
    if not imported:
        return f"import from the module that defines the name, not from {layers.container} itself"
    if imported in layers.outside or importer in layers.outside:
        return "it stands outside of all layers"
    above, below = layers.level(importer), layers.level(imported)
    if above is None or below is None or above < below:
        return None
    if above > below:
        return f"{imported} is in a higher layer than {importer}"
    if layers.layers[above].independent:
        return "siblings do not know each other: what both need is a Protocol or a value in a lower layer"
    return None
