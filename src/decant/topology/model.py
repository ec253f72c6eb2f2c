"""What ``decant.toml`` says, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from decant.errors import SettingsError
from decant.settings.mask import mask_text
from decant.settings.suggest import suggest
from decant.settings.toml import TomlFile

if TYPE_CHECKING:
    from decant.settings.call_policy import CallPolicies
    from decant.settings.sources import Sources


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One deployable process: a named group of modules, or something foreign.

    Attributes:
        name: The service's name.
        modules: What it hosts; empty for a foreign service.
        port: Where it listens on this machine; replica ``n`` (from 0) listens on ``port + n``.
        url: Where others reach it, or None for this machine and :attr:`port`.
        replicas: How many processes of it run.
        command: What starts a foreign service, or None.
        env: Added to the environment of its processes.
        path: The folder of an application of its own, relative to the workspace; None for what consists of modules,
            and for what is only an address or a command.
    """

    name: str
    modules: tuple[str, ...]
    port: int
    url: str | None = None
    replicas: int = 1
    command: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    path: str | None = None

    @property
    def foreign(self) -> bool:
        """Whether it hosts no module of this workspace."""
        return not self.modules

    @property
    def env_name(self) -> str:
        """The environment name that says where it answers, for instance ``ORDERS_SERVICE_URL``."""
        return f"{re.sub('[^A-Z0-9]', '_', self.name.upper())}_SERVICE_URL"


@dataclass(frozen=True, slots=True)
class GatewayRoute:
    """A route of the edge that differs from those derived of the modules.

    Attributes:
        path: ``/reports`` exactly, or ``/reports/*`` for all below.
        to: Modules or services and their weights; one name has the weight 1.
    """

    path: str
    to: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Gateway:
    """The public address, and its routes that are not derived."""

    port: int = 8000
    routes: tuple[GatewayRoute, ...] = ()


@dataclass(frozen=True)
class Workspace:
    """A repository with a ``decant.toml``.

    Attributes:
        name: The workspace's name.
        root: The folder of ``decant.toml``.
        file: ``decant.toml`` as read.
        package: The package that holds the modules; "" where there are none.
        package_path: The folder of that package, or None.
        modules: The modules' names, sorted.
        topologies: Each topology's services, foreign ones last.
        topology: The topology that is chosen.
        public_prefix: What comes before public operations at the edge, for instance ``/api``; may be "".
        gateway: The public address.
        calls: How modules call each other when they live apart.
        sources: The layers that settings come from; made with ``environ``, ``.env`` and all.
    """

    name: str
    root: Path
    file: TomlFile
    package: str
    package_path: Path | None
    modules: tuple[str, ...]
    topologies: Mapping[str, tuple[ServiceSpec, ...]]
    topology: str
    public_prefix: str
    gateway: Gateway
    calls: CallPolicies
    sources: Sources

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment, with what secret files and ``.env`` add to it."""
        return self.sources.environ

    def services(self, topology: str | None = None) -> tuple[ServiceSpec, ...]:
        """Return the services of a topology, the chosen one by default.

        Raises:
            SettingsError: When there is no such topology.
        """
        name = topology or self.topology
        if name not in self.topologies:
            raise SettingsError([f"There is no topology {name!r}. {suggest(name, self.topologies)}"])
        return self.topologies[name]

    def service(self, name: str, topology: str | None = None) -> ServiceSpec:
        """Return a service by its name.

        Raises:
            SettingsError: When the topology has no such service.
        """
        services = {service.name: service for service in self.services(topology)}
        if name not in services:
            where = topology or self.topology
            raise SettingsError([f"The topology {where!r} has no service {name!r}. {suggest(name, services)}"])
        return services[name]

    def service_of(self, module: str, topology: str | None = None) -> ServiceSpec:
        """Return the service that hosts a module.

        Raises:
            SettingsError: When there is no such module.
        """
        for service in self.services(topology):
            if module in service.modules:
                return service
        raise SettingsError([f"There is no module {module!r}. {suggest(module, self.modules)}"])

    def import_name(self, module: str) -> str:
        """Return a module's import path, for instance ``shop.catalog``."""
        return f"{self.package}.{module}"

    def url_of(self, service: str | ServiceSpec, environ: Mapping[str, str], topology: str | None = None) -> str:
        """Return where a service answers, the first of :meth:`urls_of`."""
        return self.urls_of(service, environ, topology)[0]

    def urls_of(
        self, service: str | ServiceSpec, environ: Mapping[str, str], topology: str | None = None
    ) -> tuple[str, ...]:
        """Return where each replica of a service answers, without a slash at the end.

        ``<SERVICE>_SERVICE_URL`` comes first, one address or several with commas between; then ``url`` in
        ``decant.toml``; then this machine, where replica ``n`` (from 0) listens on ``port + n``.

        Raises:
            SettingsError: For an unknown service, or an environment value that is no address.
        """
        spec = service if isinstance(service, ServiceSpec) else self.service(service, topology)
        given = [text.strip() for text in environ.get(spec.env_name, "").split(",") if text.strip()]
        wrong = [text for text in given if not is_url(text)]
        if wrong:
            what = "expected an address such as http://host:8001, or several with commas between"
            raise SettingsError([f'environment {spec.env_name} = "{mask_text(text)}": {what}' for text in wrong])
        local = (f"http://127.0.0.1:{spec.port + number}" for number in range(spec.replicas))
        found = given or ([spec.url] if spec.url else local)
        return tuple(dict.fromkeys(url.rstrip("/") for url in found))

    def home(self, environ: Mapping[str, str] | None = None) -> Path:
        """Return the folder for run-time state (``DECANT_HOME``); it may not exist yet.

        Args:
            environ: Read in place of the workspace's own sources.
        """
        from decant.settings import RuntimeSettings, load_one

        return self.root / load_one(RuntimeSettings, self._sources(environ)).home.expanduser()

    def call_mode(self, environ: Mapping[str, str] | None = None) -> Literal["direct", "strict"]:
        """Return how modules in one process call each other (``DECANT_CALLS_MODE``, else by ``DECANT_ENV``).

        Args:
            environ: Read in place of the workspace's own sources.
        """
        from decant.settings import CallSettings, load_one

        sources = self._sources(environ)
        return load_one(CallSettings, sources).resolved_mode(sources.environment)

    def _sources(self, environ: Mapping[str, str] | None) -> Sources:
        from decant.settings.sources import read_sources

        return self.sources if environ is None else read_sources(environ, self.root, self.file)


def is_url(text: str) -> bool:
    """Return whether a text is an HTTP address of another process."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
