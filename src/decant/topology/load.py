"""Reads a workspace: ``decant.toml`` and the modules on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from decant.errors import SettingsError
from decant.settings.sources import Sources, read_sources
from decant.settings.suggest import suggest
from decant.settings.toml import read_toml
from decant.topology.calls import read_calls
from decant.topology.find import FILE_NAME, Disk, find_workspace
from decant.topology.gateway import read_gateway
from decant.topology.hosting import TABLES, WORKSPACE_KEYS, Hosting, default_topology, read_hosting
from decant.topology.model import ServiceSpec, Workspace
from decant.topology.projects import check_projects
from decant.topology.services import check_ports, read_services, specify
from decant.topology.table import Faults, Table, show


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
        disk = Disk(self.root)
        hosting = read_hosting(self.top, disk)
        modules = hosting.modules
        services = self.top.table("services")
        owned = hosting.owned(self.top)
        declared = read_services(services, owned, disk.service)
        gateway = read_gateway(self.top.table("gateway"), {*modules, *owned, *declared})
        foreign = [name for name in declared if name not in owned]
        topologies: dict[str, tuple[ServiceSpec, ...]] = {}
        for title, assignment in hosting.topologies.items():
            topologies[title] = specify(assignment, declared, gateway, foreign)
            check_ports(topologies[title], gateway, services, title)
        self.check_modules(hosting)
        check_projects(self.top)
        found = Workspace(
            name=hosting.name,
            root=self.root,
            file=self.file,
            package=hosting.package,
            package_path=None if hosting.package_path is None else self.root / hosting.package_path,
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

    def check_modules(self, hosting: Hosting) -> None:
        table = self.top.table("modules")
        for name in table.data:
            if name not in hosting.modules:
                message = f"there is no module {show(name)}. {suggest(name, hosting.modules)}"
                self.faults.add((*table.keys, name), message)

    def chosen(self, known: Mapping[str, object], argument: str | None) -> str:
        default = default_topology(self.top, known)
        given = [
            (source, name)
            for source, name in (
                ("topology", argument),
                ("environment DECANT_TOPOLOGY", self.sources.environ.get("DECANT_TOPOLOGY")),
                (self.file.at("workspace", "topology"), default),
            )
            if name
        ]
        for source, name in given:
            if known and name not in known:
                self.faults.found.append(f"{source}: there is no topology {show(name)}. {suggest(name, known)}")
        return given[0][1] if given else default

    def prefix(self) -> str:
        prefix = self.table.text("prefix")
        if prefix and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
            self.table.fault("prefix", f'is {show(prefix)}. Write one such as "/api", without a slash at the end.')
        return prefix
