"""The graph for people and for programs: as a tree of text, a picture, DOT, Mermaid or JSON."""

from decant_tools.workspace.draw.cycles import cycles
from decant_tools.workspace.draw.drawing import FORMATS, MOST_BOXES, Format, draw, render, resolve
from decant_tools.workspace.draw.picture import Picture, compose, find_cycles

__all__ = [
    "FORMATS",
    "MOST_BOXES",
    "Format",
    "Picture",
    "compose",
    "cycles",
    "draw",
    "find_cycles",
    "render",
    "resolve",
]
