"""Reads a workspace: ``decant.toml`` and the modules on disk."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Mapping
from pathlib import Path

from decant.errors import SettingsError
from decant.settings.sources import Sources, read_sources
from decant.settings.suggest import suggest
from decant.settings.toml import read_toml, relative
from decant.topology.assign import REST, Assignment, assign, implicit, is_name
from decant.topology.calls import read_calls
from decant.topology.find import FILE_NAME, find_modules, find_package, find_workspace
from decant.topology.gateway import read_gateway
from decant.topology.model import ServiceSpec, Workspace
from decant.topology.services import check_ports, read_services, specify
from decant.topology.table import Faults, Table, show

TABLES = ("workspace", "topologies", "services", "gateway", "calls", "settings")
WORKSPACE_KEYS = ("name", "modules", "exclude", "topology", "prefix")
RESERVED = ("decant", "otel")
"""Module names that would clash with the toolkit's own settings tables and environment names."""


def load_workspace(
    path: str | Path = FILE_NAME, *, environ: Mapping[str, str] | None = None, topology: str | None = None
) -> Workspace:
    """Read a workspace; nothing of it is imported.

    Args:
        path: ``decant.toml``, a folder that holds it, or a bare file name that is looked for upwards.
        environ: The environment; the process's own by default. ``DECANT_TOPOLOGY`` chooses a topology.
        topology: The topology to choose, before ``DECANT_TOPOLOGY`` and the file.

    Raises:
        SettingsError: With every fault, each with its line and what to do.
    """
    return _Reader(_locate(Path(path)), os.environ if environ is None else environ).workspace(topology)


def _locate(path: Path) -> Path:
    if path.is_dir():
        path /= FILE_NAME
    if path.is_file() or path.parent != Path():
        return path
    found = find_workspace(name=path.name)
    if found is None:
        raise SettingsError(
            [f"There is no {path} in {Path.cwd()} or above. Create one with a [workspace] table, or use -C DIR."]
        )
    return found


class _Reader:
    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.file = read_toml(path)
        self.root = path.absolute().parent
        self.faults = Faults(self.file)
        self.top = Table(self.file.data, (), self.faults)
        self.table = self.top.table("workspace")
        self.sources = self.read_sources(environ)

    def read_sources(self, environ: Mapping[str, str]) -> Sources:
        try:
            return read_sources(environ, self.root, self.file)
        except SettingsError as error:
            self.faults.found += error.faults
            return Sources(environ=environ)

    def workspace(self, topology: str | None) -> Workspace:
        self.top.only(TABLES)
        self.top.table("settings")
        self.table.only(WORKSPACE_KEYS)
        name = self.name()
        package, package_path = self.package(name)
        modules = self.modules(package_path)
        assigned = self.assignments(name, modules)
        services = self.top.table("services")
        owned = self.owned(assigned)
        declared = read_services(services, owned)
        gateway = read_gateway(self.top.table("gateway"), {*modules, *owned, *declared})
        foreign = [name for name in declared if name not in owned]
        topologies: dict[str, tuple[ServiceSpec, ...]] = {}
        for title, assignment in assigned.items():
            topologies[title] = specify(assignment, declared, gateway, foreign)
            check_ports(topologies[title], gateway, services, title)
        found = Workspace(
            name=name,
            root=self.root,
            file=self.file,
            package=package,
            package_path=package_path,
            modules=modules,
            topologies=topologies,
            topology=self.chosen(topologies, topology),
            public_prefix=self.prefix(),
            gateway=gateway,
            calls=read_calls(self.top.table("calls"), modules),
            sources=self.sources,
        )
        if self.faults.found:
            raise SettingsError(self.faults.found)
        return found

    def name(self) -> str:
        folder = re.sub("[^A-Za-z0-9_-]+", "-", self.root.name).strip("-_")
        name = self.table.text("name", folder if is_name(folder) else "workspace")
        if not is_name(name):
            self.table.fault("name", f"is {show(name)}. Use letters, digits, - and _, a letter first.")
        return name

    def package(self, name: str) -> tuple[str, Path | None]:
        """Return the package that holds the modules, and its folder; by default it has the workspace's name."""
        package = self.table.text("modules", name.replace("-", "_"))
        if not all(map(_is_module_name, package.split("."))):
            self.table.fault("modules", f"is {show(package)}, which is no name of a package.")
            return "", None
        path = find_package(self.root, package)
        if path is None and "modules" in self.table.data:
            folder = package.replace(".", "/")
            self.table.fault("modules", f"is not there. Create the folder {folder}/ or src/{folder}/.")
        return (package, path) if path else ("", None)

    def modules(self, package_path: Path | None) -> tuple[str, ...]:
        if package_path is None:
            return ()
        found = find_modules(package_path)
        excluded = self.excluded(found)
        modules = tuple(name for name in found if name not in excluded)
        for name in modules:
            if not _is_module_name(name) or name in RESERVED:
                where = relative(package_path / name)
                self.table.fault("modules", f"holds {where}, which is no name for a module. Rename or exclude it.")
        if not modules and "modules" in self.table.data:
            where = relative(package_path)
            self.table.fault("modules", f"holds no module: create a folder in {where} with an __init__.py.")
        return modules

    def excluded(self, found: tuple[str, ...]) -> list[str]:
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

    def owned(self, assigned: Mapping[str, Assignment]) -> list[str]:
        """Return every name of a service in any topology, those included that a fault left without modules."""
        tables = self.top.data.get("topologies", {})
        tables = tables.values() if isinstance(tables, dict) else ()
        written = (key for table in tables if isinstance(table, dict) for key in table)
        found = (service for assignment in assigned.values() for service in assignment)
        return [name for name in dict.fromkeys([*written, *found]) if name != REST]

    def chosen(self, known: Mapping[str, object], argument: str | None) -> str:
        default = "monolith" if "monolith" in known or not known else next(iter(known))
        sources = (
            ("topology", argument),
            ("environment DECANT_TOPOLOGY", self.sources.environ.get("DECANT_TOPOLOGY")),
            (self.file.at("workspace", "topology"), self.table.text("topology", default)),
        )
        given = [(source, name) for source, name in sources if name]
        for source, name in given:
            if known and name not in known:
                self.faults.found.append(f"{source}: there is no topology {show(name)}. {suggest(name, known)}")
        if len(known) > 1 and "monolith" not in known and "topology" not in self.table.data:
            self.faults.add(self.table.keys, f"[workspace] must say which topology is the default: {', '.join(known)}.")
        return given[0][1] if given else default

    def prefix(self) -> str:
        prefix = self.table.text("prefix")
        if prefix and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
            self.table.fault("prefix", f'is {show(prefix)}. Write one such as "/api", without a slash at the end.')
        return prefix


def _is_module_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
