"""Which modules there are, and which service hosts each: read alike from a disk and from a commit."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from decant.topology.assign import REST, Assignment, assign, implicit, is_name
from decant.topology.table import Faults, Table, show

TABLES = (
    "workspace", "topologies", "services", "libs", "modules", "tasks", "affected", "cache",
    "gateway", "calls", "settings",
)  # fmt: skip
"""Every table that the file may have."""
WORKSPACE_KEYS = ("name", "modules", "exclude", "topology", "prefix")
RESERVED = ("decant", "otel")
"""Module names that would clash with the toolkit's own settings tables and environment names."""


class Look(Protocol):
    """How the folders of a workspace are looked at; paths are relative to it, with ``/``."""

    @property
    def folder(self) -> str:
        """The name of the workspace's own folder."""

    def package(self, package: str) -> str | None:
        """Return the path of a dotted package beside ``decant.toml`` or in ``src/``, or None."""

    def modules(self, path: str) -> tuple[str, ...]:
        """Return the names of the packages in a folder, sorted; ``tests`` and private ones are none."""

    def show(self, path: str) -> str:
        """Return a path as a person would write it."""


class Hosting(NamedTuple):
    """What a workspace consists of.

    Attributes:
        name: The workspace's name.
        package: The package that holds the modules, "" where there is none.
        package_path: Its path, or None.
        modules: The modules' names, sorted.
        topologies: For each topology its services and their modules.
    """

    name: str
    package: str
    package_path: str | None
    modules: tuple[str, ...]
    topologies: Mapping[str, Assignment]

    def owned(self, top: Table) -> list[str]:
        """Return every name of a service in any topology, those included that a fault left without modules.

        Args:
            top: The whole file.
        """
        tables = top.data.get("topologies", {})
        tables = tables.values() if isinstance(tables, dict) else ()
        written = (key for table in tables if isinstance(table, dict) for key in table)
        found = (service for assignment in self.topologies.values() for service in assignment)
        return [name for name in dict.fromkeys([*written, *found]) if name != REST]


def read_hosting(top: Table, look: Look) -> Hosting:
    """Read ``[workspace]`` and ``[topologies]``; what is wrong becomes a fault of the file.

    Args:
        top: The whole file.
        look: Looks for the modules.
    """
    reader = _Reader(top, look)
    name = reader.name()
    package, path = reader.package(name)
    modules = reader.modules(path)
    return Hosting(name, package, path, modules, reader.assignments(name, modules))


def default_topology(top: Table, topologies: Mapping[str, object]) -> str:
    """Return the topology that is in force when nobody chooses one, as ``decant.toml`` says it."""
    default = "monolith" if "monolith" in topologies or not topologies else next(iter(topologies))
    table = top.table("workspace")
    if len(topologies) > 1 and "monolith" not in topologies and "topology" not in table.data:
        names = ", ".join(topologies)
        table.faults.add(table.keys, f"[workspace] must say which topology is the default: {names}.")
    return table.text("topology", default)


class _Reader:
    def __init__(self, top: Table, look: Look) -> None:
        self.top = top
        self.look = look
        self.table = top.table("workspace")
        self.faults: Faults = top.faults

    def name(self) -> str:
        folder = re.sub("[^A-Za-z0-9_-]+", "-", self.look.folder).strip("-_")
        name = self.table.text("name", folder if is_name(folder) else "workspace")
        if not is_name(name):
            self.table.fault("name", f"is {show(name)}. Use letters, digits, - and _, a letter first.")
        return name

    def package(self, name: str) -> tuple[str, str | None]:
        """Return the package that holds the modules, and its folder; by default it has the workspace's name."""
        package = self.table.text("modules", name.replace("-", "_"))
        if not all(map(_is_module_name, package.split("."))):
            self.table.fault("modules", f"is {show(package)}, which is no name of a package.")
            return "", None
        path = self.look.package(package)
        if path is None and "modules" in self.table.data:
            folder = package.replace(".", "/")
            self.table.fault("modules", f"is not there. Create the folder {folder}/ or src/{folder}/.")
        return ("", None) if path is None else (package, path)

    def modules(self, path: str | None) -> tuple[str, ...]:
        if path is None:
            return ()
        found = self.look.modules(path)
        excluded = self.excluded(found)
        modules = tuple(name for name in found if name not in excluded)
        for name in modules:
            if not _is_module_name(name) or name in RESERVED:
                where = self.look.show(f"{path}/{name}")
                self.table.fault("modules", f"holds {where}, which is no name for a module. Rename or exclude it.")
        if not modules and "modules" in self.table.data:
            where = self.look.show(path)
            self.table.fault("modules", f"holds no module: create a folder in {where} with an __init__.py.")
        return modules

    def excluded(self, found: tuple[str, ...]) -> list[str]:
        from decant.settings.suggest import suggest

        names = self.table.items("exclude")
        for index, name in enumerate(names):
            if name not in found:
                self.faults.add(
                    (*self.table.keys, "exclude", index),
                    f"there is no package {show(name)}. {suggest(str(name), found)}",
                )
        return names

    def assignments(self, name: str, modules: tuple[str, ...]) -> dict[str, Assignment]:
        table = self.top.table("topologies")
        if "topologies" not in self.top.data:
            return implicit(name, modules)
        for title in table.data:
            if not is_name(title):
                table.fault(title, "is no name for a topology. Use letters, digits, - and _, a letter first.")
        if not table.data:
            self.faults.add(table.keys, "[topologies] is empty. Name one, or delete the line.")
        return {title: assign(entry, modules) for title, entry in table.tables().items()}


def _is_module_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
