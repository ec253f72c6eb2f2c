"""What one layer of settings says about one field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from decant.settings.envfile import Text
from decant.settings.toml import TomlFile


class Found(NamedTuple):
    """A value that a layer holds.

    Attributes:
        value: As written: a text, or TOML's own types.
        source: Where it stands.
        text: Whether it is a text that stands for a value of any type.
    """

    value: Any
    source: str
    text: bool


class Place(NamedTuple):
    """Where a field may stand.

    Attributes:
        table: Its table below ``[settings]``, for instance ``decant.http``; "" for ``[settings]`` itself.
        name: Its key there.
        names: Its environment names.
    """

    table: str
    name: str
    names: tuple[str, ...]


def table_keys(table: str) -> tuple[str, ...]:
    """Return a table's path below ``[settings]``."""
    return tuple(table.split(".")) if table else ()


@dataclass(frozen=True, slots=True)
class TomlLayer:
    """The ``[settings]`` tables of a file."""

    file: TomlFile

    def find(self, place: Place) -> Found | None:
        """Return a field's value, or None where the file says nothing."""
        keys = ("settings", *table_keys(place.table))
        within: Any = self.file.data
        for key in keys:
            within = within.get(key) if isinstance(within, dict) else None
        if not isinstance(within, dict) or place.name not in within:
            return None
        return Found(within[place.name], self.file.at(*keys, place.name), False)


@dataclass(frozen=True, slots=True)
class TextLayer:
    """Names and texts: the environment, ``.env``, secret files. An empty text is one that is not set."""

    texts: Mapping[str, Text]

    def find(self, place: Place) -> Found | None:
        """Return the value of the first name that is set, or None."""
        for env_name in place.names:
            text = self.texts.get(env_name)
            if text is not None and text.value:
                return Found(text.value, text.source, True)
        return None


@dataclass(frozen=True, slots=True)
class FlagLayer:
    """What the command line says, by key, for instance ``decant.serve.port``."""

    flags: Mapping[str, Any]

    def find(self, place: Place) -> Found | None:
        """Return a flag's value; None is a flag that was not given."""
        value = self.flags.get(f"{place.table}.{place.name}" if place.table else place.name)
        if value is None:
            return None
        return Found(value, f"flag --{place.name.replace('_', '-')}", isinstance(value, str))


Layer = TomlLayer | TextLayer | FlagLayer
