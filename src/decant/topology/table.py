"""Reads one table of ``decant.toml``; what is wrong is gathered, with its line, and reading goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from decant.settings.mask import mask_text
from decant.settings.suggest import suggest
from decant.settings.toml import TomlFile

KINDS: Mapping[type, str] = {
    str: "text in quotes",
    int: "a whole number",
    dict: "a table",
    list: "a list",
    bool: "true or false",
}


class Faults:
    """What is wrong with a file, in the order found."""

    def __init__(self, file: TomlFile) -> None:
        self.file = file
        self.found: list[str] = []

    def add(self, keys: Iterable[str | int], message: str) -> None:
        """Add a fault of a key; it begins with the key's file and line."""
        self.found.append(f"{self.file.at(*keys)}: {message}")


class Table:
    """A table and where it stands.

    Args:
        data: What was read; anything but a table is a fault, and is read as an empty one.
        keys: Its path in the file.
        faults: Takes what is wrong.
    """

    def __init__(self, data: Any, keys: tuple[str | int, ...], faults: Faults) -> None:
        self.keys = keys
        self.faults = faults
        self.data: Mapping[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            self.faults.add(keys, f"{self.name} must be a table. Write [{self.name}] and `key = value` lines below it.")

    @property
    def name(self) -> str:
        return dotted(self.keys)

    def table(self, key: str) -> Table:
        return Table(self.data.get(key, {}), (*self.keys, key), self.faults)

    def tables(self) -> Mapping[str, Table]:
        """Return every entry as a table."""
        return {key: self.table(key) for key in self.data}

    def text(self, key: str, default: str = "") -> str:
        value: str = self._get(key, str, default)
        return value

    def texts(self, key: str) -> dict[str, str]:
        table = self.table(key)
        return {name: table.text(name) for name in table.data}

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value: int = self._get(key, int, default)
        if value == default:
            return value
        if not low <= value <= high:
            self.fault(key, f"must be from {low} to {high}, not {value}.")
            return default
        return value

    def decimal(self, key: str, default: float, low: float, high: float) -> float:
        """Return a number with or without a fraction, for instance seconds."""
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(key, f"must be a number, not {show(value)}.")
            return default
        if not low <= value <= high:
            self.fault(key, f"must be from {low:g} to {high:g}, not {show(value)}.")
            return default
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value: bool = self._get(key, bool, default)
        return value

    def items(self, key: str) -> list[Any]:
        value: list[Any] = self._get(key, list, [])
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; an item that is something else is a fault."""
        found = self.items(key)
        for index, item in enumerate(found):
            if not isinstance(item, str) or not item:
                self.faults.add(
                    (*self.keys, key, index), f"{dotted((*self.keys, key))} holds text in quotes, not {show(item)}."
                )
        return tuple(item for item in found if isinstance(item, str) and item)

    def only(self, known: Iterable[str]) -> None:
        """Report keys that mean nothing here."""
        known = list(known)
        for key in self.data:
            if key not in known:
                self.faults.add((*self.keys, key), f"unknown key {key!r}{self._inside()}. {suggest(key, known)}")

    def fault(self, key: str, message: str) -> None:
        self.faults.add((*self.keys, key), f"{dotted((*self.keys, key))} {message}")

    def _get(self, key: str, kind: type, default: Any) -> Any:
        if key not in self.data:
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fault(key, f"must be {KINDS[kind]}, not {show(value)}.")
            return default
        return value

    def _inside(self) -> str:
        return f" in [{self.name}]" if self.keys else ""


def dotted(keys: Iterable[str | int]) -> str:
    """Return ``gateway.routes[0].path`` for its parts."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def show(value: Any) -> str:
    """Return a value as a fault quotes it: short, and passwords hidden."""
    text = mask_text(f'"{value}"' if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else f"{text[:57]}…"
