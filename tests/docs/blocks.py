"""Fenced blocks of Markdown pages, and what the marks behind their language mean.

============================  ======================================================================================
``python title="path"``       the file is written, and so for any language; Python files are imported at the page's end
``toml title="path" change``  the line of the file that begins with the same key is replaced; servers are stopped first
``python from="path"``        an excerpt of a file of this repository; a line ``# …`` stands for lines left out
``python``                    run as a program in the page's folder; with ``>>>`` in it, as a doctest
``console``                   each ``$ command`` is run; the lines below it are what it must print, ``...`` stands for
                              anything
``console exit=3``            the same, and the commands must end with that exit code
``console server=name:port``  the command is started, and stays until the next change or the page's end
``console nobody=name:port``  nobody answers at the port that the page shows for that service
``console up=port``           ``decant up -d`` with that public port; what it started stays as long
``toml``, ``json``            must be readable
anything else                 is only shown; ``sh`` is for commands of this repository's own, such as ``make up``
============================  ======================================================================================

A page that has ``<!-- folder: examples/bookclub -->`` in it is followed in a copy of that folder, others in an empty one.
One with ``<!-- ports: 5001 5002 -->`` has these in its sources, as ``port=5001``; others are written there that are free.
One with ``<!-- after: 01-….md -->`` goes on where that page has written its files, before it starts a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<rest>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
AFTER = re.compile(r"^<!-- after: (\S+) -->$", re.MULTILINE)
FOLDER = re.compile(r"^<!-- folder: (\S+) -->$", re.MULTILINE)
PORTS = re.compile(r"^<!-- ports: ([\d ]+) -->$", re.MULTILINE)
LEFT_OUT = re.compile(r"^[ \t]*# …[ \t]*\n", re.MULTILINE)
RUN = ("python", "console", "toml", "json")
"""Languages of blocks that are never only shown."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        language: The fence's first word.
        rest: The marks behind it.
        body: What is between the fences.
        line: The line of the fence.
    """

    language: str
    rest: str
    body: str
    line: int = 1

    @property
    def title(self) -> str | None:
        return self._quoted("title")

    @property
    def source(self) -> str | None:
        return self._quoted("from")

    @property
    def server(self) -> tuple[str, int] | None:
        return self._address("server")

    @property
    def nobody(self) -> tuple[str, int] | None:
        return self._address("nobody")

    @property
    def up(self) -> int | None:
        found = re.search(r"up=(\d+)", self.rest)
        return int(found[1]) if found else None

    @property
    def exit_code(self) -> int:
        found = re.search(r"exit=(\d+)", self.rest)
        return int(found[1]) if found else 0

    @property
    def is_change(self) -> bool:
        return self.rest.rstrip().endswith("change")

    @property
    def is_run(self) -> bool:
        return bool(self.title or self.source) or self.language in RUN

    def _address(self, mark: str) -> tuple[str, int] | None:
        found = re.search(rf"\b{mark}=([\w-]+):(\d+)", self.rest)
        return (found[1], int(found[2])) if found else None

    def _quoted(self, mark: str) -> str | None:
        found = re.search(rf'\b{mark}="([^"]+)"', self.rest)
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, and the output that the page shows."""

    line: str
    output: str

    def matches(self, output: str) -> bool:
        """Tell whether the output is what the page shows; a page that shows none leaves it open."""
        if not self.output.strip():
            return True
        pattern = ".*".join(re.escape(piece) for piece in plain(self.output).split("..."))
        return re.fullmatch(pattern, plain(output), re.DOTALL) is not None


def plain(text: str) -> str:
    """Return a text without space at the ends of its lines, which no page can show."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    for found in FENCE.finditer(text):
        body = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
        yield Block(found["language"], found["rest"], body, text.count("\n", 0, found.start()) + 1)


def commands(body: str) -> Iterator[Command]:
    """Yield the commands of a console block; a command goes on where its line ends with a backslash."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        found = re.match(r"(?:[^\n]*\\\n)*[^\n]*\n?", part)
        line = found[0] if found else part
        yield Command(line.rstrip("\n"), part[len(line) :])


def missing_from(excerpt: str, text: str) -> str | None:
    """Return the first piece of an excerpt that a text has not, in this order; None when it has them all."""
    position = 0
    for piece in LEFT_OUT.split(excerpt):
        piece = piece.strip("\n")
        found = text.find(piece, position)
        if found < 0:
            return piece
        position = found + len(piece)
    return None


def folder_of(text: str) -> str | None:
    """Return the folder of this repository that a page begins with, or None for an empty one."""
    found = FOLDER.search(text)
    return found[1] if found else None


def ports_of(text: str) -> list[int]:
    """Return the ports that are written in the sources of a page's folder, and that a reader here must not take."""
    found = PORTS.search(text)
    return [int(each) for each in found[1].split()] if found else []


def page_before(text: str) -> str | None:
    """Return the page that a page goes on from, or None where it begins by itself."""
    found = AFTER.search(text)
    return found[1] if found else None
