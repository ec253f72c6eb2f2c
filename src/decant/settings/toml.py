"""Reads a TOML file so that every fault in it, found now or later, can name its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from decant.errors import SettingsError
from decant.settings.mask import mask_line
from decant.settings.positions import Position, find_positions

MAX_BYTES = 1024 * 1024
"""A larger file is refused: it is not one that a person wrote."""


@dataclass(frozen=True)
class TomlFile:
    """A TOML file as read.

    Attributes:
        path: Where it lies.
        label: What faults call it: relative to the current folder where that is shorter.
        data: Its content.
        text: Its text, from which lines are counted.
    """

    path: Path
    label: str
    data: Mapping[str, Any]
    text: str = field(repr=False, default="")

    @cached_property
    def _positions(self) -> Mapping[Position, int]:
        return find_positions(self.text)

    def line_of(self, *keys: str | int) -> int:
        """Return the line (from 1) on which a key is first written.

        An item of an array is named by its index. A key that is not there answers with the line of
        what should have held it.
        """
        while keys and keys not in self._positions:
            keys = keys[:-1]
        return self._positions.get(keys, 1)

    def at(self, *keys: str | int) -> str:
        """Return ``decant.toml:12`` for a key."""
        return f"{self.label}:{self.line_of(*keys)}"


def read_toml(path: str | Path) -> TomlFile:
    """Read a TOML file.

    Raises:
        SettingsError: When there is no such file, or it is not TOML; says where and what to do.
    """
    path = Path(path)
    return parse_toml(read_text(path), path, relative(path))


def parse_toml(text: str, path: Path, label: str) -> TomlFile:
    """Read the text of a TOML file.

    Args:
        text: What it holds.
        path: Where it lies.
        label: What faults call it.

    Raises:
        SettingsError: When it is not TOML; says where and what to do.
    """
    try:
        return TomlFile(path, label, tomllib.loads(text), text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_rephrase(error, label, text)]) from None
    except RecursionError:
        raise SettingsError([f"{label}:1: Arrays or tables are nested too deeply. Write it flatter."]) from None
    except ValueError as error:  # integers of thousands of digits
        raise SettingsError([f"{label}:1: A value cannot be read: {error}."]) from None


def read_text(path: Path) -> str:
    """Read a configuration file, at most :data:`MAX_BYTES` of UTF-8.

    Raises:
        SettingsError: When it cannot be read.
    """
    label = relative(path)
    return decode(_read_bytes(path, label), label)


def relative(path: Path) -> str:
    """Return a path as a person would write it from the current folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _read_bytes(path: Path, label: str) -> bytes:
    try:
        if path.is_dir():
            raise SettingsError([f"{label}: This is a folder, not a file. Name the file in it."])
        if not path.is_file():
            raise SettingsError([f"{label}: There is no such file. Create it, or name another one."])
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError([f"{label}: The file is larger than 1 MiB. Is it the right one?"])
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise SettingsError([f"{label}: The file cannot be read: {reason}. Check its permissions."]) from None


def decode(raw: bytes, label: str) -> str:
    """Return a file's text.

    Raises:
        SettingsError: When it is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            [f"{label}:{line}: Byte 0x{raw[error.start]:02x} is not UTF-8. Save the file as UTF-8."]
        ) from None


_WHERE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


def _rephrase(error: tomllib.TOMLDecodeError, label: str, text: str) -> str:
    message = str(error)
    what = _WHERE.sub("", message)
    found = _WHERE.search(message)
    if found is None or found["line"] is None:  # the last line may be the middle of an unclosed secret: not shown
        return f"{label}:{text.rstrip().count(chr(10)) + 1}: {what} at the end of the file. {_hint(what, '')}"
    line = text.split("\n")[int(found["line"]) - 1].strip()
    where = f"{label}:{found['line']}: {what} in column {found['column']}"
    return f"{where}: `{mask_line(line)[:100]}`. {_hint(what, line)}"


_BARE_VALUE = re.compile(r"^\s*([\w.\"'-]+)\s*=\s*([A-Za-z_][\w./ -]*)\s*$")


def _hint(what: str, line: str) -> str:
    bare = _BARE_VALUE.match(line)
    if bare and bare[2].lower() in {"true", "false"}:
        return f"Write {bare[1]} = {bare[2].lower()}"
    if bare and bare[2].lower() in {"none", "null", "nil"}:
        return "TOML has no null: leave the key out."
    if bare:
        quoted = f'{bare[1]} = "{bare[2].strip()}"'
        return f"Put text into quotes: {mask_line(quoted)}"
    if "Cannot" in what:
        return "The name is written twice: keep one of them."
    return next((hint for sign, hint in _HINTS.items() if sign in what), "See https://toml.io for how it is written.")


_HINTS = {
    "Expected '=' after a key": "Write one `key = value` per line.",
    "Unclosed array": "Close it with ].",
    "Unclosed inline table": "Close it with }.",
    "Unterminated string": "Close it with the quote that opened it.",
    "Expected ']'": "A table's name stands in brackets: [name]",
    "Illegal character": "Close the quotes before the line ends, and write \\n for a line break.",
    "Invalid value": 'Values are "text", numbers, true, false, [arrays] and { tables = 1 }.',
    "Unescaped '\\'": "Write \\\\ for a backslash, or use 'single quotes'.",
    "Invalid statement": "A line is `key = value`, a [table] or a # comment.",
    "Expected newline": "Only one `key = value` may stand on a line.",
}
