"""The picture as DOT and as Mermaid, for those who draw with Graphviz or on a page of a code host."""

from __future__ import annotations

from collections.abc import Iterator

from decant_tools.workspace.draw.legend import LINES
from decant_tools.workspace.draw.picture import Box, Picture
from decant_tools.workspace.draw.words import dot as quoted
from decant_tools.workspace.draw.words import mermaid as labelled
from decant_tools.workspace.draw.words import plain

_DOT_SHAPES = {"service": "box, style=rounded", "lib": "box", "module": "component", "file": "note"}
_MERMAID_SHAPES = {"service": ("([", "])"), "lib": ("[", "]"), "module": ("[[", "]]"), "file": (">", "]")}
_RED, _AMBER = "#c0281c", "#b26a00"


def dot(picture: Picture) -> str:
    """Return a picture as DOT."""

    def node(box: Box) -> str:
        note = f"{box.kind}, {box.state}" if box.state else box.kind
        label = quoted(box.name)[:-1] + "\\n" + quoted(note)[1:]
        colour = {"changed": _RED, "affected": _AMBER}.get(box.state)
        extra = f', color="{colour}", penwidth=2.5' if colour else ""
        return f"{quoted(box.id)} [label={label}, shape={_DOT_SHAPES[box.kind]}{extra}];"

    lines = ["digraph workspace {", "  rankdir=LR;", '  node [fontname="monospace"];']
    for number, (frame, name) in enumerate(picture.frames):
        inside = [node(box) for box in picture.boxes if box.frame == frame]
        lines += [f"  subgraph cluster_{number} {{", f"    label={quoted(name)};", *(f"    {each}" for each in inside)]
        lines.append("  }")
    lines += [f"  {node(box)}" for box in picture.boxes if not box.frame]
    for line in picture.lines:
        loop = f', color="{_RED}", penwidth=2' if picture.in_cycle(line) else ""
        style = f"{LINES[line.kinds[0]].dot}, tooltip={quoted(', '.join(line.kinds))}{loop}"
        lines.append(f"  {quoted(line.source)} -> {quoted(line.target)} [{style}];")
    return "\n".join([*_comments(picture, "//"), *lines, "}"]) + "\n"


def mermaid(picture: Picture) -> str:
    """Return a picture as Mermaid; nodes are numbered, as names may be words of its language."""
    ids = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}

    def node(box: Box) -> str:
        opening, closing = _MERMAID_SHAPES[box.kind]
        return f"{ids[box.id]}{opening}{labelled(f'{box.kind} {box.name}')}{closing}"

    lines = ["flowchart LR"]
    for number, (frame, name) in enumerate(picture.frames):
        lines.append(f"  subgraph f{number}[{labelled(name)}]")
        lines += [f"    {node(box)}" for box in picture.boxes if box.frame == frame]
        lines.append("  end")
    lines += [f"  {node(box)}" for box in picture.boxes if not box.frame]
    for line in picture.lines:
        arrow = LINES[line.kinds[0]].mermaid
        lines.append(f"  {ids[line.source]} {arrow}|{labelled(', '.join(line.kinds))}| {ids[line.target]}")
    lines += _styles(picture, ids)
    return "\n".join([lines[0], *_comments(picture, "  %%"), *lines[1:]]) + "\n"


def _comments(picture: Picture, sign: str) -> Iterator[str]:
    for way in picture.ways():
        yield f"{sign} cycle: {' → '.join(map(plain, way))}"


def _styles(picture: Picture, ids: dict[str, str]) -> Iterator[str]:
    loops = [str(number) for number, line in enumerate(picture.lines) if picture.in_cycle(line)]
    if loops:
        yield f"  linkStyle {','.join(loops)} stroke:{_RED},stroke-width:3px"
    for state, colour in (("changed", _RED), ("affected", _AMBER)):
        if members := [ids[box.id] for box in picture.boxes if box.state == state]:
            yield f"  classDef {state} stroke:{colour},stroke-width:3px"
            yield f"  class {','.join(members)} {state}"
