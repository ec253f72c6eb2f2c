"""One format or another of a graph; each format is imported when it is asked for."""

from __future__ import annotations

from typing import Literal, get_args

from decant_tools.workspace.draw.picture import Picture, compose
from decant_tools.workspace.model import Graph

Format = Literal["text", "svg", "dot", "mermaid", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)

MOST_BOXES = 300
"""Of more boxes than these nobody sees anything."""


def render(
    graph: Graph,
    format: Format,  # noqa: A002 - what the option is called
    *,
    focus: str | None = None,
    changed: frozenset[str] = frozenset(),
    affected: frozenset[str] = frozenset(),
    files: bool = False,
) -> str:
    """Return a graph in one of its formats.

    Args:
        graph: The workspace.
        format: ``text``, ``svg``, ``dot``, ``mermaid`` or ``json``.
        focus: A project's name or node, or a module's file: only it, what it needs and who needs it are drawn.
        changed: Nodes that have changed: red.
        affected: Nodes that are affected by those: amber.
        files: Whether the files of modules are drawn too.

    Raises:
        CommandError: There is no ``focus`` of that name, or more would be drawn than anybody can read.
    """
    node = resolve(graph, focus) if focus is not None else None
    picture = compose(graph, focus=node, changed=changed, affected=affected, files=files)
    return draw(picture, format)


def draw(picture: Picture, format: Format) -> str:  # noqa: A002 - what the option is called
    """Return a picture in one of its formats.

    Raises:
        CommandError: It has more boxes than anybody can read, and is to be drawn.
    """
    if format == "svg":
        from decant_tools.workspace.draw.svg import svg

        _check(picture)
        return svg(picture)
    if format in {"dot", "mermaid"}:
        from decant_tools.workspace.draw import sources

        return sources.dot(picture) if format == "dot" else sources.mermaid(picture)
    if format == "json":
        from decant_tools.workspace.draw.document import document

        return document(picture)
    from decant_tools.workspace.draw.text import text

    return text(picture)


def resolve(graph: Graph, name: str) -> str:
    """Return the node that a person means by a name: a node, a project's name or path, or a module's file.

    Raises:
        CommandError: There is none, or there are several.
    """
    from decant.errors import CommandError
    from decant.settings.suggest import suggest
    from decant_tools.workspace.model import file_node

    if name in graph.projects:
        return name
    path = name.rstrip("/")
    found = [each.id for each in graph.projects.values() if path in {each.name, each.path}]
    hosts = {edge.source for edge in graph.edges if edge.kind == "hosts"}
    if len(found) > 1:  # a service that has its only module's name means the module
        found = [each for each in found if each not in hosts] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"Several projects are called {name!r}.", hint=f"Name one: {', '.join(found)}.", exit_code=2)
    if any(file_node(path) in (edge.source, edge.target) for edge in graph.edges):
        return file_node(path)
    known = sorted({each.name for each in graph.projects.values()})
    raise CommandError(f"No project is called {name!r}.", hint=suggest(name, known), exit_code=4)


def _check(picture: Picture) -> None:
    if len(picture.boxes) > MOST_BOXES:
        from decant.errors import CommandError

        raise CommandError(
            f"A picture of {len(picture.boxes)} boxes helps nobody.",
            hint="Draw a part of it: `decant graph --format svg --focus NAME`; or take --format dot or json.",
            exit_code=2,
        )
