"""Services that are no modules of ours: found in the workspace, each with its command, its port and its configuration.

A Flask application that knows nothing of this toolkit is started as its author starts it: in its own folder, in its own
environment, with ``python app.py`` and the port that stands in there, unless ``decant.toml`` says otherwise.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from decant.errors import CommandError, DecantError, SettingsError
from decant.settings.call_policy import CallPolicies
from decant.settings.envfile import Text, read_dotenv
from decant.settings.sources import read_sources
from decant.settings.toml import TomlFile
from decant.topology import Gateway, ServiceSpec, Workspace, load_workspace
from decant.topology.find import FILE_NAME, find_workspace
from decant_tools.workspace.entrypoint import BESIDE, PACKAGE, STARTS, Entry, Port, Start, inner_folder, takes_port
from decant_tools.workspace.model import Project

if TYPE_CHECKING:
    from decant_tools.workspace.discover import ServiceTable
    from decant_tools.workspace.environments import Environment
    from decant_tools.workspace.view import View

TOPOLOGY = "services"
"""What the topology of a workspace without modules is called."""

ENV_FILE = ".env"

Look = Callable[[], "tuple[Workspace, View]"]


@dataclass(frozen=True)
class ForeignService:
    """A service that was found, and how it is started.

    Attributes:
        name: What people call it.
        project: Where it lies.
        command: Runs in its folder; ``$NAME`` is replaced.
        command_at: Where that stands.
        port: Where it listens; 0 for any.
        port_at: Where that stands; "" for any.
        port_name: The environment name that its port follows; "" where it listens there whatever it is told.
        replicas: How many processes of it run.
        variables: What is added to its environment, and where each stands.
        templates: The names of those in which ``$NAME`` is replaced: what ``decant.toml`` says.
        needs: Services that have to be ready before it.
        fault: Why it cannot be started, or "".
        hint: What to do about that.
    """

    name: str
    project: Project
    command: str
    command_at: str
    port: int
    port_at: str
    port_name: str
    replicas: int
    variables: Mapping[str, Text]
    templates: frozenset[str]
    needs: frozenset[str]
    fault: str = ""
    hint: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether it listens on its port and no other."""
        return bool(self.port) and not self.port_name

    @property
    def spec(self) -> ServiceSpec:
        """The same as a service of a topology."""
        env = {name: text.value for name, text in self.variables.items()}
        return ServiceSpec(self.name, (), self.port, None, self.replicas, self.command, env, self.project.path)


class Foreign:
    """The services of a workspace that are no modules.

    Args:
        look: Looks at the workspace, its topology chosen, and at its files, as they are now.

    Attributes:
        view: The files.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._given, self.view = look()

    @cached_property
    def services(self) -> Mapping[str, ForeignService]:
        """Every service, sorted by name."""
        found = [self._read(project) for project in self._projects()]
        return {service.name: service for service in sorted(found, key=lambda service: service.name)}

    @property
    def workspace(self) -> Workspace:
        """The workspace with these services in each of its topologies."""
        mine = {name: service.spec for name, service in self.services.items()}
        topologies = {
            title: (*(spec for spec in specs if spec.name not in mine), *mine.values())
            for title, specs in self._given.topologies.items()
        }
        return replace(self._given, topologies=topologies or {self._given.topology: tuple(mine.values())})

    def refresh(self) -> None:
        """Look at everything again; what was known stays where that cannot be.

        Raises:
            CommandError: Exit code 3, when something is wrong there now.
        """
        with self._lock:
            try:
                fresh = Foreign(self._look)
                services = fresh.services
            except (DecantError, OSError) as error:
                detail = error.detail if isinstance(error, DecantError) else str(error)
                raise CommandError(detail, exit_code=3) from error
            self._given, self.view = fresh._given, fresh.view
            self.__dict__["services"] = services
            for name in ("_folders_with_starts", "_texts"):
                self.__dict__.pop(name, None)

    def environment(self, name: str, *, relax: bool, say: Callable[[str], None] | None = None) -> Environment:
        """Return a service's environment, made if that has not been done yet.

        Raises:
            CommandError: When it cannot be made.
        """
        from decant_tools.workspace.environments import environment_for

        project = self.services[name].project
        return environment_for(self.view, project, relax=relax, say=say, is_over=self._is_over.is_set)

    def give_up(self) -> None:
        """End whatever makes an environment now: everything is being stopped."""
        self._is_over.set()

    def environ(self, name: str, base: Mapping[str, str], port: int) -> dict[str, str]:
        """Return the environment of a service's process, that of its Python left out.

        Args:
            name: The service.
            base: What every process gets; comes before what is configured.
            port: Where it shall listen.
        """
        service = self.services[name]
        own = {
            key: Template(text.value).safe_substitute(base) if key in service.templates else text.value
            for key, text in service.variables.items()
        }
        told = {"PORT": str(port), "FLASK_RUN_PORT": str(port), service.port_name or "PORT": str(port)}
        return {"PYTHONUNBUFFERED": "1", **own, **base, **told}

    def folder(self, name: str) -> Path:
        """Return the folder that a service runs in."""
        return self.view.root / self.services[name].project.path

    def files_of(self, name: str, suffixes: Collection[str]) -> frozenset[Path]:
        """Return the files that a service is made of: its own, and those of the libs that it depends on.

        Args:
            name: The service.
            suffixes: How their names end.
        """
        from decant.serving.reload import snapshot
        from decant_tools.workspace.environments.wishes import made_of

        projects = self.view.graph.projects
        nodes = made_of(self.view.graph, self.services[name].project)
        found = {self.view.root / node.removeprefix("file:") for node in nodes if node.startswith("file:")}
        for project in (projects[node] for node in nodes if node in projects):
            if project.kind == "lib" or project.id == self.services[name].project.id:
                folder = self.view.root / project.path
                paths = map(Path, snapshot(folder, suffixes))
                found |= {path for path in paths if "tests" not in path.relative_to(folder).parts}
        return frozenset(found)

    # --- reading ---

    def _projects(self) -> Iterable[Project]:
        """Yield what can be started: no service of modules, and nothing that only runs elsewhere."""
        owned = {spec.name for specs in self._given.topologies.values() for spec in specs if spec.modules}
        for project in self.view.discovery.projects:
            table = self._table(project)
            is_elsewhere = table is not None and table.url and not table.command
            if project.kind == "service" and not project.modules and project.name not in owned and not is_elsewhere:
                yield project

    def _table(self, project: Project) -> ServiceTable | None:
        return self.view.discovery.config.services.get(project.name)

    def _read(self, project: Project) -> ForeignService:
        table, name = self._table(project), process_name(project)
        entry = Entry(project.path, self._file, self._inside(project))
        start = self._start(project, entry)
        variables = self._variables(project)
        port = self._port(project, start, entry, variables)
        extras = self.view.discovery.config.extras.get(project.id)
        known = self.view.graph.projects
        needed = [known[node] for node in (extras.needs if extras else ()) if node in known]
        needs = frozenset(process_name(other) for other in needed if other.kind == "service")
        fault, hint = self._fault(project, start, port, table.port if table else 0)
        declared = next(
            (spec for specs in self._given.topologies.values() for spec in specs if spec.name == name), None
        )
        return ForeignService(
            name, project, start.command if start else "", start.at if start else "", port.number, port.at, port.name,
            declared.replicas if declared else 1, variables, self._templates(project, variables), needs, fault, hint,
        )  # fmt: skip

    def _inside(self, project: Project) -> Iterator[tuple[str, str]]:
        """Yield the folders in a service that files lie in which may start it, and their dotted names."""
        above = f"{project.path}/" if project.path else ""
        for folder in self._folders_with_starts:
            if folder.startswith(above) and (path := folder.removeprefix(above)):
                dotted = inner_folder(path, project.name)
                if dotted is not None:
                    yield path, dotted

    @cached_property
    def _folders_with_starts(self) -> tuple[str, ...]:
        ends = tuple(f"/{name}" for name in STARTS)
        homes = [f"{project.path}/" if project.path else "" for project in self._projects()]
        above = {f"{home}{place}" for home in homes for place in ("", "src/")}
        files = self.view.tree.files
        found = {path.rpartition("/")[0] for path in files if path.endswith(ends)}
        packages = {path.removesuffix(f"/{PACKAGE}") for path in files if path.endswith(f"/{PACKAGE}")}
        return tuple(sorted(found | {path for path in packages if path[: path.rfind("/") + 1] in above}))

    def _start(self, project: Project, entry: Entry) -> Start | None:
        table = self._table(project)
        if table is not None and table.command:
            at = self._given.file.at("services", project.name, "command")
            return Start(table.command, at, entry.port_of(table.command))
        return entry.start()

    def _port(self, project: Project, start: Start | None, entry: Entry, variables: Mapping[str, Text]) -> Port:
        """Return where a service listens: as configured, as its source says, as its Dockerfile says, or anywhere."""
        table = self._table(project)
        listens = start.port if start else None
        is_told = start is not None and takes_port(start.command)
        name = "PORT" if is_told or listens is None else listens.name
        if table is not None and table.port:
            return Port(table.port, self._given.file.at("services", project.name, "port"), name)
        for key in dict.fromkeys((name, "PORT")) if name else ():
            if (given := variables.get(key)) and given.value.isdecimal() and 0 < int(given.value) < 65536:
                return Port(int(given.value), given.source, name)
        if listens is not None and listens.number:
            return listens._replace(name=name)
        exposed = entry.exposed()
        return exposed._replace(name=name) if exposed else Port(0, "", name)

    def _fault(self, project: Project, start: Start | None, port: Port, wanted: int) -> tuple[str, str]:
        if start is None:
            return (
                f"Nothing in {project.path or 'this folder'} says how {project.name} is started.",
                f'Say so in {FILE_NAME}: [services.{project.name}] command = "…"',
            )
        written = start.port
        if wanted and written is not None and not port.name and written.number != wanted:
            said = f"{written.at} says {written.number}, and takes no other"
            return (
                f"{port.at}: {project.name} is to listen on {wanted}, but {said}.",
                f'Write port=int(os.environ.get("PORT", {written.number})) there, or delete the line.',
            )
        return "", ""

    def _variables(self, project: Project) -> dict[str, Text]:
        """Return what configures a service, the weakest layer first; the environment itself comes before all."""
        sources, file = self._given.sources, self._given.file
        table = self._table(project)
        keys = ("services", project.name, "env")
        found = {key: Text(value, file.at(*keys, key)) for key, value in (table.env if table else {}).items()}
        *layers, _environment = list(sources.text_layers)
        for layer in layers:
            found |= {name: text for name, text in layer.texts.items() if name != "PORT"}  # that is one service's
        if project.path:
            for name in (ENV_FILE, f"{ENV_FILE}.{sources.environment}"):
                path = self.view.root / project.path / name
                if path.is_file():
                    found |= read_dotenv(path, sources.environ)
        return found

    def _templates(self, project: Project, variables: Mapping[str, Text]) -> frozenset[str]:
        at = self._given.file.at
        table = self._table(project)
        return frozenset(
            name
            for name in (table.env if table else ())
            if variables[name].source == at("services", project.name, "env", name)
        )

    def _file(self, path: str) -> bytes | None:
        path = self.view.tree.followed(path)
        if path not in self._texts and path in self.view.tree.files:
            self._texts[path] = self.view.tree.read(path)
        return self._texts.get(path)

    @cached_property
    def _texts(self) -> dict[str, bytes]:
        """What says how services start, read together: each reading of its own starts a process."""
        folders = {*self._folders_with_starts, *(project.path for project in self._projects())}
        paths = [f"{folder}/{name}" if folder else name for folder in folders for name in (*STARTS, *BESIDE)]
        return self.view.tree.read_many(path for path in paths if path in self.view.tree.files)


def process_name(project: Project) -> str:
    """Return what a service's process is called: its name, or its path where two have one name."""
    return project.name.replace("/", ".")


def open_foreign(config: str = FILE_NAME, *, topology: str | None = None) -> Foreign:
    """Return the services of a workspace that are no modules; the workspace may have no ``decant.toml`` at all.

    Args:
        config: What ``--config`` says.
        topology: The topology that is chosen.

    Raises:
        SettingsError: When ``decant.toml`` is wrong, or there is neither such a file nor any service.
    """
    from decant_tools.workspace.view import open_view

    def look() -> tuple[Workspace, View]:
        workspace = _workspace(config, topology)
        return workspace, open_view(workspace.root, topology=topology and workspace.topology)

    foreign = Foreign(look)
    workspace = foreign.workspace
    if not workspace.file.path.is_file() and not foreign.services:
        load_workspace(config, topology=topology)  # says what is missing
    return foreign


def workspace_to_ask(config: str = FILE_NAME) -> Workspace:
    """Return the workspace that commands about what runs are meant for; its services are not looked for.

    Raises:
        SettingsError: When ``decant.toml`` is wrong, or this folder is no workspace.
    """
    workspace = _workspace(config, None)
    if not workspace.file.path.is_file() and not (workspace.home() / "run").is_dir():
        return open_foreign(config).workspace
    return workspace


def _workspace(config: str, topology: str | None) -> Workspace:
    path = Path(config)
    if path.is_dir():
        path /= FILE_NAME
    is_named = path.parent != Path() or path.name != FILE_NAME
    if path.is_file() or is_named or find_workspace(name=path.name) is not None:
        return load_workspace(config, topology=topology)
    from decant_tools.workspace.root import find_root

    return bare_workspace(find_root(), topology)


def bare_workspace(root: Path, topology: str | None = None, environ: Mapping[str, str] | None = None) -> Workspace:
    """Return the workspace that a folder without ``decant.toml`` is.

    Raises:
        SettingsError: For a ``.env`` file that cannot be read, and for a topology: there is only one.
    """
    if topology not in {None, TOPOLOGY}:
        raise SettingsError([f"There is no topology {topology!r}: {root} has no {FILE_NAME} that declares one."])
    sources = read_sources(os.environ if environ is None else environ, root, None)
    file = TomlFile(root / FILE_NAME, FILE_NAME, {})
    return Workspace(
        name=root.name, root=root, file=file, package="", package_path=None, modules=(), topologies={},
        topology=TOPOLOGY, public_prefix="", gateway=Gateway(), calls=CallPolicies(), sources=sources,
    )  # fmt: skip


def check_startable(services: Iterable[ForeignService]) -> None:
    """Refuse services that cannot be started, all at once.

    Raises:
        CommandError: Exit code 3.
    """
    faults = [service for service in services if service.fault]
    if faults:
        raise CommandError(
            "\n".join(service.fault for service in faults),
            hint=" ".join(dict.fromkeys(service.hint for service in faults)),
            exit_code=3,
        )
