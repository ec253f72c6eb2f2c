"""Makes settings of the layers, and gathers everything that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from pydantic import ValidationError

from decant.errors import SettingsError
from decant.settings.base import Settings, env_names, is_container, prefix_of
from decant.settings.faults import describe
from decant.settings.layers import Found, Place, TomlLayer, table_keys
from decant.settings.parts import CHOSEN_BEFORE, PARTS, TEST_PREFIX, ModuleUrls
from decant.settings.sources import Sources
from decant.settings.suggest import suggest

S = TypeVar("S", bound=Settings)
Entry = tuple[str, type[Settings]]
"""A table below ``[settings]``, for instance ``catalog`` or ``decant.http``, and the class that it fills."""


@dataclass(frozen=True)
class Loaded:
    """Settings as loaded: one instance per table and class."""

    instances: Mapping[Entry, Settings]

    def get(self, kind: type[S], table: str | None = None) -> S:
        """Return the settings of a class; the table is needed where several are filled from one class.

        Raises:
            KeyError: When the class was not loaded.
        """
        for (where, cls), instance in self.instances.items():
            if cls is kind and table in {None, where} and isinstance(instance, kind):
                return instance
        raise KeyError(f"{kind.__name__} was not loaded")


def entries_of(modules: Mapping[str, ModuleType | None]) -> list[Entry]:
    """Return the tables and classes of the toolkit's parts and of some modules.

    Args:
        modules: Each module's ``settings``, by the module's name; None for one that has none of its own.
    """
    entries: list[Entry] = list(PARTS.items())
    for name, code in modules.items():
        entries += [(name, ModuleUrls), *((name, cls) for cls in classes_in(code))]
    return entries


def classes_in(code: ModuleType | None) -> list[type[Settings]]:
    """Return the settings classes that a ``settings`` file or package itself defines, in the order written."""
    if code is None:
        return []
    return [
        value
        for value in vars(code).values()
        if isinstance(value, type)
        and issubclass(value, Settings)
        and f"{value.__module__}.".startswith(f"{code.__name__}.")
    ]


def load(entries: Iterable[Entry], sources: Sources, others: Iterable[str] = ()) -> Loaded:
    """Return settings from their layers.

    Args:
        entries: Tables and their classes. Several classes may share a table.
        sources: The layers.
        others: Tables that exist too and are not looked into, as those of modules hosted elsewhere.

    Raises:
        SettingsError: With every fault: values of a wrong type, required ones that are missing, unknown keys in
            the tables given, unknown ``DECANT_`` names. No secret is shown.
    """
    entries = list(entries)
    faults: list[str] = []
    instances = {(table, cls): _fill(table, cls, sources, faults) for table, cls in entries}
    faults += _unknown_keys(entries, sources, set(others))
    faults += _unknown_names(entries, sources)
    if faults:
        raise SettingsError(faults)
    return Loaded({entry: instance for entry, instance in instances.items() if instance is not None})


def load_one(cls: type[S], sources: Sources, table: str = "") -> S:
    """Return one class's settings; other tables and names are not looked at.

    Args:
        cls: The class.
        sources: The layers.
        table: Its table; of the toolkit's own parts it is known.

    Raises:
        SettingsError: With every fault of this class's values.
    """
    faults: list[str] = []
    known = {kind: name for name, kind in PARTS.items()}
    instance = _fill(known.get(cls, table), cls, sources, faults)
    if instance is None:
        raise SettingsError(faults)
    return instance


def _fill(table: str, cls: type[S], sources: Sources, faults: list[str]) -> S | None:
    found = {name: value for name in cls.model_fields if (value := _find(table, cls, name, sources)) is not None}
    values = {name: _decode(cls, name, value) for name, value in found.items()}
    try:
        instance = cls.model_validate(values)
    except ValidationError as error:  # not chained: it would show values
        faults += [describe(fault, table, cls, found) for fault in error.errors(include_url=False)]
        return None
    instance._sources = {name: value.source for name, value in found.items()}
    return instance


def _find(table: str, cls: type[Settings], name: str, sources: Sources) -> Found | None:
    place = Place(table, name, env_names(prefix_of(table), name, cls.model_fields[name]))
    for layer in reversed(sources.layers):
        found = layer.find(place)
        if found is not None:
            return found
    return None


def _decode(cls: type[Settings], name: str, found: Found) -> Any:
    """Return a text as the several values it stands for: JSON, or a list with commas."""
    if not found.text or not is_container(cls.model_fields[name]):
        return found.value
    text = found.value.strip()
    if text[:1] in {"[", "{"}:
        try:
            return json.loads(text)
        except ValueError:
            return found.value
    return [part.strip() for part in text.split(",")]


def _unknown_keys(entries: Sequence[Entry], sources: Sources, others: set[str]) -> list[str]:
    tables = {table for table, _ in entries} | others | set(PARTS)
    fields: dict[str, list[str]] = {}
    for table, cls in entries:
        fields.setdefault(table, []).extend(cls.model_fields)
    return [
        fault
        for layer in sources.toml_layers
        for fault in _unknown_in(layer, "", layer.file.data.get("settings", {}), fields, tables)
    ]


def _unknown_in(
    layer: TomlLayer, table: str, data: Any, fields: Mapping[str, Sequence[str]], tables: set[str]
) -> Iterator[str]:
    keys = ("settings", *table_keys(table))
    if not isinstance(data, dict):
        yield f"{layer.file.at(*keys)}: {'.'.join(keys)} must be a table. Write [{'.'.join(keys)}] above its keys."
        return
    start = f"{table}." if table else ""
    below = {name.removeprefix(start).split(".")[0] for name in tables if name.startswith(start) and name != table}
    for key, value in data.items():
        if key in below:
            yield from _unknown_in(layer, f"{start}{key}", value, fields, tables)
        elif (table in fields or below) and key not in fields.get(table, ()):
            known = [*fields.get(table, ()), *sorted(below)]
            near = f"{suggest(key, known)}{_elsewhere(key, tables)}"
            yield f"{layer.file.at(*keys, key)}: unknown key {key!r} in [{'.'.join(keys)}]. {near}"


def _elsewhere(key: str, tables: set[str]) -> str:
    full = f"decant.{key}"
    return f" The toolkit's own are in [settings.{full}]." if full in tables else ""


def _unknown_names(entries: Sequence[Entry], sources: Sources) -> list[str]:
    known = known_names([*PARTS.items(), *entries])
    return [
        f"{text.source}{'' if name in text.source else f': {name}'}: there is no setting of that name. "
        f"{suggest(name, sorted(name for name in known if name.startswith('DECANT_')))}"
        for layer in sources.text_layers
        for name, text in layer.texts.items()
        if name.startswith("DECANT_") and not name.startswith(TEST_PREFIX) and name not in known
    ]


def known_names(entries: Iterable[Entry]) -> set[str]:
    """Return the environment names that the classes read, and those that choose what is read."""
    return {
        name
        for table, cls in entries
        for field, info in cls.model_fields.items()
        for name in env_names(prefix_of(table), field, info)
    }.union(CHOSEN_BEFORE)
