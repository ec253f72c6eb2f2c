"""How lines look, and which words stand for them: the same in every format."""

from __future__ import annotations

from typing import NamedTuple

from decant_tools.workspace.draw.picture import ORDER, Picture
from decant_tools.workspace.model import EdgeKind


class Style(NamedTuple):
    """How a line looks.

    Attributes:
        text: What it says.
        dash: The pattern of strokes and gaps of SVG, or "" for an unbroken line.
        is_open: Whether the arrow's tip is hollow.
        dot: The style of DOT.
        mermaid: The arrow of Mermaid.
    """

    text: str
    dash: str
    is_open: bool
    dot: str
    mermaid: str


LINES: dict[EdgeKind, Style] = {
    "import": Style("imports", "", False, "style=solid", "-->"),
    "contract": Style("calls its contract", "", True, "style=solid, arrowhead=empty", "-->"),
    "event": Style("listens to its events", "2 4", True, "style=dotted, arrowhead=empty", "-.->"),
    "manifest": Style("only declares", "9 5", False, "style=dashed", "-.->"),
    "copy": Style("copies in a Dockerfile", "9 4 2 4", False, 'style="dashed", arrowhead=box', "-.->"),
    "extra": Style("says so in decant.toml", "10 4 2 4 2 4", False, 'style="dashed", arrowhead=diamond', "-.->"),
}


class Entry(NamedTuple):
    """One sample of a legend: a box, or a line."""

    kind: str
    text: str
    style: Style | None = None


def entries(picture: Picture) -> list[Entry]:
    """Return what a picture needs explained: only what occurs in it."""
    kinds = {box.kind for box in picture.boxes}
    found = [Entry(kind, kind) for kind in ("service", "lib", "module", "file") if kind in kinds]
    found += [Entry(state, state) for state in ("changed", "affected") if state in picture.states()]
    used = {line.kinds[0] for line in picture.lines}
    found += [Entry("", LINES[kind].text, LINES[kind]) for kind in ORDER if kind in used]
    if any(picture.in_cycle(line) for line in picture.lines):
        found.append(Entry("cycle", "part of a cycle", LINES["import"]))
    return found
