"""Finds the line of every key in a TOML text, which the standard parser does not tell.

The text is known to be valid, because the parser read it first: this only follows its structure.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import suppress

Position = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|("(?:\\.|[^"\\])*")|'([^']*)')[ \t]*""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|'[^']*\'''',
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}\n#]*")


def find_positions(text: str) -> Mapping[Position, int]:
    """Return the line (from 1) where each key, table and array item of a valid TOML text is first written."""
    scanner = _Scanner(text)
    with suppress(ValueError, IndexError, RecursionError):  # not TOML after all: what was found so far still helps
        scanner.document()
    return scanner.found


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Position, int] = {}
        self.table: Position = ()
        self.newlines = [match.start() for match in re.finditer("\n", text)]
        self.lengths: dict[Position, int] = {}

    def document(self) -> None:
        while self.skip_blank() < len(self.text):
            if self.text.startswith("[[", self.at):
                self.item_header()
            elif self.text[self.at] == "[":
                self.table_header()
            else:
                self.pair(self.table)

    def table_header(self) -> None:
        start = self.step(1)
        self.table = self.resolve(self.key())
        self.note(self.table, start)
        self.step(1)

    def item_header(self) -> None:
        start = self.step(2)
        *parents, name = self.key()
        array = (*self.resolve(parents), name)
        index = self.lengths.get(array, 0)
        self.lengths[array] = index + 1
        self.table = (*array, index)
        self.note(self.table, start)
        self.step(2)

    def pair(self, table: Position) -> None:
        start = self.at
        path = (*table, *self.key())
        self.note(path, start)
        self.step(1)
        self.value(path)

    def value(self, path: Position) -> None:
        self.skip_blank()
        opening = self.text[self.at]
        if opening == "[":
            for index, start in enumerate(self.parts("]")):
                self.note((*path, index), start)
                self.value((*path, index))
        elif opening == "{":
            for _ in self.parts("}"):
                self.pair(path)
        else:
            self.match(_STRING if opening in "\"'" else _BARE)

    def parts(self, closing: str) -> Iterator[int]:
        """Yield at the start of each comma-separated part; the caller reads the part itself."""
        self.step(1)
        while self.text[self.skip_blank()] != closing:
            if self.text[self.at] == ",":
                self.step(1)
            else:
                yield self.at
        self.step(1)

    def key(self) -> list[str]:
        names = [self.simple_key()]
        while self.text[self.at] == ".":
            self.step(1)
            names.append(self.simple_key())
        return names

    def simple_key(self) -> str:
        bare, basic, literal = self.match(_KEY).groups()
        if basic is not None:
            return str(tomllib.loads(f"k = {basic}")["k"])
        return str(bare if bare is not None else literal)

    def resolve(self, names: list[str]) -> Position:
        """Return a header's path; a name of an array of tables means its last item."""
        path: Position = ()
        for name in names:
            path = (*path, name)
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        return path

    def note(self, path: Position, start: int) -> None:
        line = bisect_left(self.newlines, start) + 1
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], line)

    def skip_blank(self) -> int:
        self.match(_BLANK)
        return self.at

    def step(self, count: int) -> int:
        self.at += count
        return self.at

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"not TOML at {self.at}")
        self.at = found.end()
        return found
