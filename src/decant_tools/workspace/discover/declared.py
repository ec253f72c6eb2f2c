"""``decant.toml`` of a tree: read with the very code that the toolkit itself reads it with.

This module is imported only where there is such a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from decant.topology.hosting import TABLES, WORKSPACE_KEYS, default_topology, read_hosting
from decant.topology.projects import check_projects, read_affected, read_cache, read_project, read_tasks
from decant.topology.services import read_service, read_services
from decant.topology.table import Faults, Table, show
from decant_tools.workspace.discover.config import (
    AffectedTable,
    CacheTable,
    Config,
    Extras,
    ServiceTable,
    TaskTable,
)
from decant_tools.workspace.discover.conventions import Found
from decant_tools.workspace.discover.folders import Folders
from decant_tools.workspace.model import Finding, Project

LABEL = "decant.toml"
KINDS: Mapping[str, str] = {"service": "services", "lib": "libs", "module": "modules"}
"""The table that declares projects of a kind."""


class Declarations:
    """What ``decant.toml`` declares.

    Args:
        content: The file.
        folders: The tree that it belongs to.
        folder: The name of the workspace's own folder.
    """

    def __init__(self, content: bytes, folders: Folders, folder: str) -> None:
        from decant.errors import SettingsError
        from decant.settings.toml import TomlFile, decode, parse_toml

        broken: list[str] = []
        try:
            file = parse_toml(decode(content, LABEL), Path(LABEL), LABEL)
        except SettingsError as error:
            broken = list(error.faults)
            file = TomlFile(Path(LABEL), LABEL, {})
        self._file = file
        self._folders = folders
        self._faults = Faults(file)
        self._top = Table(file.data, (), self._faults)
        self._top.only(TABLES)
        self._top.table("workspace").only(WORKSPACE_KEYS)
        self._hosting = read_hosting(self._top, _Look(folders, folder))
        self._owned = self._hosting.owned(self._top)
        self._faults.found += broken
        self._ids: dict[tuple[str, str], str] = {}
        self._topology = ""
        self.package = self._hosting.package
        self.package_path = self._hosting.package_path or ""
        self.modules = self._hosting.modules

    # --- projects ---

    def name_projects(self, found: dict[str, Found]) -> dict[str, tuple[str, str]]:
        """Add what is declared to what was found, and return the kind and name of what is declared, by path."""
        names: dict[str, tuple[str, str]] = {}
        services = [each.rpartition("/")[2] for each, what in found.items() if what.kind == "service"]
        read_services(
            self._top.table("services"), self._owned, lambda *asked: self._find("service", found, *asked), services
        )
        for kind in ("service", "lib"):
            for name, entry in self._top.table(KINDS[kind]).tables().items():
                if kind == "service" and name in self._owned:
                    continue
                written, is_alone = self._written(kind, entry)
                path = self._find(kind, found, name, written, is_alone)
                if path is None:
                    self._missing(kind, entry, name, written, found)
                elif path in names:
                    entry.fault("path", f"is {show(path)}, which is the path of {names[path][1]!r} already.")
                else:
                    found[path] = Found("service" if kind == "service" else "lib", path)
                    names[path] = (kind, name)
        return names

    def _written(self, kind: str, entry: Table) -> tuple[str, bool]:
        """Return the path that a table names, or "", and whether nothing else says what the project is."""
        quiet = Table(entry.data, entry.keys, Faults(self._file))  # the faults were told already
        if kind == "lib":
            return read_project(quiet).get("path", ""), True
        read = read_service(quiet)
        return read.path, not (read.url or read.command)

    def _find(self, kind: str, found: Mapping[str, Found], name: str, path: str, is_alone: bool) -> str | None:
        if path:
            return path if path in self._folders else None
        of_name = sorted(each for each, what in found.items() if name in {each, what.name, each.rpartition("/")[2]})
        fitting = [each for each in of_name if found[each].kind == kind or found[each].is_guess]
        return next(iter(fitting or (of_name if is_alone else ())), None)

    def _missing(self, kind: str, entry: Table, name: str, path: str, found: Mapping[str, Found]) -> None:
        if kind == "service":  # told by read_services
            return
        if path or "path" in entry.data:  # one that leaves the workspace is told elsewhere
            entry.fault("path", f"is {show(path)}, and there is no such folder.") if path else None
            return
        from decant.settings.suggest import suggest

        known = [each.rpartition("/")[2] for each, what in found.items() if what.kind == "lib"]
        self._top.table(KINDS[kind]).fault(name, f"is no lib here. {suggest(name, known)} Or write its `path`.")

    def hosting_projects(self, topology: str | None) -> list[Project]:
        """Return the modules, and the services of the topology that host them."""
        base = self.package_path[: -len(self.package)].rstrip("/") if self.package else ""
        projects = [
            Project(
                "module", name, f"{self.package_path}/{name}", (base,),
                ((f"{self.package}.{name}", f"{self.package_path}/{name}"),), is_found=True,
            )
            for name in self.modules
        ]  # fmt: skip
        for name, members in self._chosen(topology).items():
            projects.append(Project("service", name, self.package_path, (base,), modules=members, is_found=False))
        return projects

    def _chosen(self, topology: str | None) -> Mapping[str, tuple[str, ...]]:
        known = self._hosting.topologies
        default = default_topology(self._top, known)
        self._topology = topology or default
        for source, name in ((self._file.at("workspace", "topology"), default), ("topology", topology)):
            if name and known and name not in known:
                from decant.settings.suggest import suggest

                self._faults.found.append(f"{source}: there is no topology {show(name)}. {suggest(name, known)}")
        return known.get(self._topology) or known.get(default) or {}

    # --- tables ---

    def config(self, projects: Iterable[Project]) -> Config:
        """Return the tables as values; projects that they name are told by their ids.

        Args:
            projects: Every project.
        """
        projects = tuple(projects)
        self._ids = {(project.kind, project.name): project.id for project in projects}
        check_projects(self._top)
        services = self._top.table("services").tables()
        extras: dict[str, Extras] = {}
        tasks: dict[str, Mapping[str, TaskTable]] = {}
        for kind, plural in KINDS.items():
            for name, entry in self._top.table(plural).tables().items():
                if (kind, name) not in self._ids:
                    self._unknown(kind, name)
                    continue
                found = self._project(entry, self._ids[kind, name])
                extras[self._ids[kind, name]], tasks[self._ids[kind, name]] = found
        quiet = Table(self._file.data, (), Faults(self._file))
        return Config(
            self._hosting.name, self._topology,
            {key: found for key, found in extras.items() if found.files or found.needs},
            _tasks(quiet), {key: found for key, found in tasks.items() if found},
            self._affected(quiet.table("affected")), CacheTable(**read_cache(quiet.table("cache"))),
            {name: self._service(entry) for name, entry in services.items()},
        )  # fmt: skip

    def _unknown(self, kind: str, name: str) -> None:
        if kind == "module":
            from decant.settings.suggest import suggest

            message = f"there is no module {show(name)}. {suggest(name, self.modules)}"
            self._faults.add(("modules", name), message)

    def _project(self, entry: Table, own: str) -> tuple[Extras, Mapping[str, TaskTable]]:
        quiet = Table(entry.data, entry.keys, Faults(self._file))
        read = read_project(quiet)
        needs = self._named(entry.keys, "needs", read.get("needs", ()), own)
        key = "files" if "files" in read else "needs"
        return Extras(read.get("files", ()), needs, self._file.at(*entry.keys, key)), _tasks(quiet)

    def _affected(self, table: Table) -> AffectedTable:
        read = read_affected(table)
        at = self._file.at("affected") if "affected" in self._file.data else ""
        files = {glob: self._named(("affected", "files"), glob, names) for glob, names in read["files"].items()}
        return AffectedTable(read["base"], read["all"], read["nothing"], files, at)

    def _service(self, entry: Table) -> ServiceTable:
        read = read_service(Table(entry.data, entry.keys, Faults(self._file)))
        at = self._file.at(*entry.keys)
        return ServiceTable(read.command, read.port, read.url, dict(read.env), read.path or None, at)

    def _named(self, keys: Iterable[str | int], key: str, names: Iterable[str], own: str = "") -> tuple[str, ...]:
        """Return the ids of projects that the file names: ``orders``, or ``lib:orders`` where two have the name."""
        found = []
        for index, name in enumerate(names):
            ids = [each for (_, plain), each in self._ids.items() if name in {plain, each} and each != own]
            if len(ids) == 1:
                found.append(ids[0])
                continue
            from decant.settings.suggest import suggest

            known = [plain for (_, plain), each in self._ids.items() if each != own]
            message = f"{show(name)} may be {' or '.join(sorted(ids))}: write which."
            if not ids:
                message = f"there is no other project {show(name)}. {suggest(name, known)}"
            self._faults.add((*keys, key, index), message)
        return tuple(found)

    # --- what is wrong ---

    def raise_faults(self) -> None:
        """Raise everything that is wrong in the file.

        Raises:
            SettingsError: When there is anything.
        """
        if self._faults.found:
            from decant.errors import SettingsError

            raise SettingsError(tuple(dict.fromkeys(self._faults.found)))

    def findings(self) -> list[Finding]:
        """Return what is wrong in the file as findings."""
        found = []
        for fault in dict.fromkeys(self._faults.found):
            at, colon, message = fault.partition(": ")
            found.append(Finding("error", "decant-toml", at if colon else LABEL, message or fault))
        return found


class _Look:
    """Looks at the folders of a tree as the toolkit looks at those of a disk."""

    def __init__(self, folders: Folders, folder: str) -> None:
        self._folders = folders
        self.folder = folder

    def package(self, package: str) -> str | None:
        path = package.replace(".", "/")
        return next((each for each in (path, f"src/{path}") if each in self._folders), None)

    def modules(self, path: str) -> tuple[str, ...]:
        return tuple(
            name
            for name in self._folders.folders(path)
            if name != "tests" and name[0] not in "_." and "__init__.py" in self._folders.files(f"{path}/{name}")
        )

    def show(self, path: str) -> str:
        return path


def _tasks(holder: Table) -> dict[str, TaskTable]:
    file = holder.faults.file
    read: Mapping[str, Mapping[str, Any]] = read_tasks(holder)
    return {name: TaskTable(**keys, at=file.at(*holder.keys, "tasks", name)) for name, keys in read.items()}
