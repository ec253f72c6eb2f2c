"""Fenced blocks of Markdown pages, and what their marks mean.

A block whose fence carries ``title="path"`` is a file: it is written to a folder that belongs to the
page, and Python files are imported there, in the order of the page. A console block titled
``checked`` is run in that folder: each line that begins with ``$`` is a command, the lines below are
its output, where ``...`` stands for anything. All other Python blocks must at least compile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<marks>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
TITLE = re.compile(r'title="([^"]+)"')
CHECKED = "checked"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Args:
        line: The line of its fence.
        language: The fence's first word.
        title: What ``title="…"`` says, or "".
        text: What is between the fences.
    """

    line: int
    language: str
    title: str
    text: str

    @property
    def is_file(self) -> bool:
        return bool(self.title) and self.title != CHECKED


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, and the output that the page shows."""

    line: str
    output: str

    def matches(self, output: str) -> bool:
        """Tell whether the output is what the page shows."""
        pattern = re.sub(r"([\[\]?*])", r"[\1]", self.output.strip()).replace("...", "*")
        return fnmatchcase(output.strip(), pattern)


def blocks(text: str) -> list[Block]:
    """Return all fenced blocks of a page."""
    return [_block(text, found) for found in FENCE.finditer(text)]


def _block(text: str, found: re.Match[str]) -> Block:
    title = TITLE.search(found["marks"])
    inner = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
    return Block(text.count("\n", 0, found.start()) + 1, found["language"], title[1] if title else "", inner)


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(line, output)


def module_name(path: str) -> str:
    """Return the module that a Python file is."""
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
