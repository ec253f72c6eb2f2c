"""From a workspace to the processes of one of its topologies: addresses, environments, command lines."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from decant.errors import CommandError
from decant.settings.suggest import suggest
from decant.topology import ServiceSpec, Workspace
from decant_tools.run.folder import RUN_NAME, RunFolder, run_mark
from decant_tools.run.plan import GATEWAY, HOST, Outside, Planned, ProcessPlan
from decant_tools.run.ports import Ports, Wish
from decant_tools.run.programs import gateway_command, gateway_environ, serve_command, serve_environ, with_shim
from decant_tools.run.proxies import Proxies
from decant_tools.run.readiness import Probe
from decant_tools.run.secrets import shared_secret
from decant_tools.run.sources import Sources, starts_after
from decant_tools.workspace.foreign import Foreign, ForeignService, check_startable

EDGE = "DECANT_EDGE_URL"
"""Tells every process the public address."""

SHELL_CHARACTERS = frozenset("|&;<>()`*?[]~\n")
FOREIGN_GRACE_S = 5.0
WRONG = 3
"""The exit code of a service that asks for what there is not."""
_DROPPED = ("DECANT_SERVICE", "DECANT_CONFIG", "DECANT_TOPOLOGY", "LISTEN_FDS", "LISTEN_PID", RUN_NAME)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for.

    Attributes:
        services: Names; all where there are none.
        port: The edge's port, or None for that of ``decant.toml``.
        is_free_choice: Take another port wherever one is in use.
        with_needs: Start what the named services call, too.
        faults: The profile of the fault proxies, or None for no proxies.
        seed: What the fault proxies draw from.
        relax: Take the nearest version where one that a service asks for does not exist.
    """

    services: tuple[str, ...] = ()
    port: int | None = None
    is_free_choice: bool = False
    with_needs: bool = True
    faults: str | None = None
    seed: int = 0
    relax: bool = False


class Planner:
    """Makes the plan of a topology and claims its ports.

    Args:
        workspace: The workspace, its topology chosen.
        wanted: What the command line asks for.
        run: The name of the run.
        foreign: The services that were found in the workspace; none by default.
    """

    def __init__(self, workspace: Workspace, wanted: Wanted, run: str, foreign: Foreign | None = None) -> None:
        self._workspace = foreign.workspace if foreign else workspace
        self._foreign = foreign
        self._found: Mapping[str, ForeignService] = foreign.services if foreign else {}
        self._wanted = wanted
        self._run = run
        workspace = self._workspace
        self._home = workspace.home().absolute()
        self._manifest = RunFolder(self._home).manifest(run)
        self.sources = Sources(workspace, foreign)
        self.ports = Ports(is_free_choice=wanted.is_free_choice)

    def prepare(self, say: Callable[[str], None]) -> None:
        """Make the environments of the services that were found and are to be started.

        Args:
            say: Gets a sentence for each that has to be made, and what a person should know about them.

        Raises:
            CommandError: When one cannot be made, or a service cannot be started.
        """
        everything = self._everything()
        for service in self._found.values() if not self._wanted.services else ():
            if service.name not in {spec.name for spec in everything}:
                say(f"note: {service.name} is left out. {service.fault} {service.hint}")
        chosen = [spec for spec in self._chosen(everything, self._needs(everything)) if not self._outside(spec)]
        found = [self._found[spec.name] for spec in chosen if spec.name in self._found]
        check_startable(found)
        notes: dict[str, None] = {}
        failed: list[CommandError] = []
        for service in found:
            assert self._foreign is not None
            try:
                environment = self._foreign.environment(service.name, relax=self._wanted.relax, say=say)
            except CommandError as error:
                failed.append(error)
                if error.exit_code != WRONG:
                    break  # it would be no better for the next one
            else:
                notes |= dict.fromkeys(environment.notes)
        if failed:
            details = dict.fromkeys(error.detail for error in failed)
            hints = dict.fromkeys(error.hint for error in failed if error.hint)
            raise CommandError("\n".join(details), hint="\n".join(hints) or None, exit_code=failed[-1].exit_code)
        for note in notes:
            say(f"note: {note}")

    def plan(self) -> Planned:
        """Return the plan; its ports are claimed.

        Raises:
            CommandError: For a service that does not exist, and a port that is in use.
        """
        everything = self._everything()
        needs = self._needs(everything)
        outside = {spec.name: found for spec in everything if (found := self._outside(spec))}
        chosen = self._chosen(everything, needs)
        started = tuple(spec for spec in chosen if spec.name not in outside)
        edge = self._edge_of(everything)
        is_asked = bool(self._workspace.gateway.routes) or "gateway" in self._workspace.file.data
        has_routes = any(not spec.foreign for spec in everything) or is_asked
        wants_gateway = not self._wanted.services or GATEWAY in self._wanted.services
        has_gateway = edge is None and has_routes and wants_gateway
        self._claim(started, edge, has_gateway=has_gateway)
        urls = self._urls(everything, started, outside)
        proxies = Proxies(self._wanted.faults, self._wanted.seed, needs, urls)
        edge_url = self._edge_url(edge, has_gateway=has_gateway)
        environ = {**self._environ(everything, edge_url, behind_gateway=has_gateway), **_as_environ(everything, urls)}
        order = starts_after(needs)
        names = {spec.name for spec in started}
        plans = [*proxies.plans(environ, self._workspace.root)]
        for spec in _in_order(started, order):
            environ_of = {**environ, **_as_environ(everything, proxies.urls_for(spec.name))}
            plans += self._service(spec, environ_of, order[spec.name] & names)
        if has_gateway:
            plans.append(self._gateway(environ))
        manifest = self._manifest if has_gateway else None
        known = tuple(outside[spec.name] for spec in everything if spec.name in outside)
        return Planned(self._workspace.topology, tuple(plans), known, edge_url, started, manifest)

    def close(self) -> None:
        """Give up the ports, and environments that are being made: everything has stopped."""
        self.ports.close()
        if self._foreign is not None:
            self._foreign.give_up()

    # --- which ---

    def _everything(self) -> tuple[ServiceSpec, ...]:
        """Return all services; one that nobody knows how to start only where it is named, or there is no other."""
        everything = self._workspace.services()
        idle = {name for name, service in self._found.items() if not service.command}
        startable = tuple(spec for spec in everything if spec.name not in idle or spec.name in self._wanted.services)
        return startable or everything

    def _needs(self, everything: Sequence[ServiceSpec]) -> Mapping[str, frozenset[str]]:
        """Return for each service those that it calls: as its imports say, or as is declared."""
        names = {spec.name for spec in everything}
        declared = {name: service.needs & names for name, service in self._found.items()}
        return {name: found | declared.get(name, frozenset()) for name, found in self.sources.needs(everything).items()}

    def _outside(self, spec: ServiceSpec) -> Outside | None:
        """Return a service's address elsewhere, where one was given."""
        given = self._workspace.environ.get(spec.env_name, "")
        if given:
            urls = tuple(url.strip().rstrip("/") for url in given.split(",") if url.strip())
            return Outside(spec.name, urls, f"environment {spec.env_name}")
        if spec.foreign and not spec.command and spec.name not in self._found:
            return Outside(spec.name, (spec.url or "",), self._workspace.file.at("services", spec.name, "url"))
        return None

    def _chosen(self, everything: Sequence[ServiceSpec], needs: Mapping[str, Collection[str]]) -> list[ServiceSpec]:
        wanted = [name for name in self._wanted.services if name != GATEWAY]
        if not self._wanted.services:
            return list(everything)
        known = [spec.name for spec in everything]
        for name in wanted:
            if name not in known:
                raise CommandError(
                    f"The topology {self._workspace.topology} has no service {name!r}.",
                    hint=suggest(name, known),
                    exit_code=4,
                )
        found: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name not in found:
                found.add(name)
                wanted += needs[name] if self._wanted.with_needs else ()
        takes_all = self._wanted.with_needs and not found <= set(self._found)  # who calls these, nobody can read
        more = {spec.name for spec in everything if spec.foreign and spec.name not in self._found} if takes_all else ()
        return [spec for spec in everything if spec.name in found or spec.name in more]

    def _edge_of(self, everything: Sequence[ServiceSpec]) -> ServiceSpec | None:
        """Return the service that is the public address itself, or None where a gateway is needed."""
        own = [spec for spec in everything if not spec.foreign]
        alone = len(own) == 1 and own[0].replicas == 1 and not self._workspace.gateway.routes
        return own[0] if alone else None

    # --- addresses ---

    def _claim(self, started: Sequence[ServiceSpec], edge: ServiceSpec | None, *, has_gateway: bool) -> None:
        wishes = []
        for spec in started:
            is_edge = edge is not None and spec.name == edge.name
            named = self._edge_port_at(spec.name) if is_edge else self._named_at("services", spec.name, "port")
            first = self._wanted.port if is_edge and self._wanted.port is not None else spec.port
            fixed = ""
            if found := self._found.get(spec.name):
                named, fixed = found.port_at, _why_fixed(found)
            wishes += [
                Wish(name, first + number if first and not fixed else first, named, held=not spec.command, fixed=fixed)
                for number, name in enumerate(_processes(spec))
            ]
        if has_gateway:
            port = self._workspace.gateway.port if self._wanted.port is None else self._wanted.port
            wishes.append(Wish(GATEWAY, port, self._edge_port_at() if port else ""))
        self.ports.claim(wishes)

    def _edge_port_at(self, service: str = "") -> str:
        if self._wanted.port is not None:
            return "--port" if self._wanted.port else ""
        own = self._named_at("services", service, "port") if service else ""
        return own or self._named_at("gateway", "port") or "the public address"

    def _named_at(self, *keys: str) -> str:
        """Return where ``decant.toml`` has a key, or ""."""
        within: object = self._workspace.file.data
        for key in keys:
            if not isinstance(within, dict) or key not in within:
                return ""
            within = within[key]
        return self._workspace.file.at(*keys)

    def _urls(
        self, everything: Sequence[ServiceSpec], started: Sequence[ServiceSpec], outside: Mapping[str, Outside]
    ) -> dict[str, tuple[str, ...]]:
        urls = {name: found.urls for name, found in outside.items()}
        for spec in everything:
            ports = [self.ports.of[name] for name in _processes(spec)] if spec in started else [spec.port]
            urls.setdefault(spec.name, tuple(f"http://{HOST}:{port}" for port in ports if port))
        return urls

    def _edge_url(self, edge: ServiceSpec | None, *, has_gateway: bool) -> str | None:
        port = self.ports.of.get(edge.name if edge else GATEWAY)
        return f"http://{HOST}:{port}" if port and (edge or has_gateway) else None

    # --- processes ---

    def _environ(
        self, everything: Sequence[ServiceSpec], edge_url: str | None, *, behind_gateway: bool
    ) -> dict[str, str]:
        """Return what every process gets; ``<SERVICE>_SERVICE_URL`` comes on top."""
        inherited = {name: value for name, value in os.environ.items() if name not in _DROPPED}
        made = {
            "DECANT_HOME": str(self._home),
            "DECANT_ENV": self._workspace.sources.environment,
            "DECANT_TOPOLOGY": self._workspace.topology,
            "DECANT_LOG_FORMAT": "json",
            RUN_NAME: self._run,
            **({EDGE: edge_url} if edge_url else {}),
        }
        if behind_gateway:
            inherited.setdefault("DECANT_TRUSTED_PROXIES", HOST)
        if self._workspace.sources.environment != "production":
            for spec in everything:
                if spec.foreign and spec.command:
                    inherited.setdefault(*shared_secret(self._home, spec, self._workspace.environ))
        return {**inherited, **made}

    def _service(self, spec: ServiceSpec, environ: Mapping[str, str], after: frozenset[str]) -> list[ProcessPlan]:
        if spec.name in self._found:
            return [self._started(spec.name, name, environ, after) for name in _processes(spec)]
        own = {name: Template(value).safe_substitute(environ) for name, value in spec.env.items()}
        environ = {**own, **environ}
        make = self._command if spec.command else self._own
        marked = {name: {**environ, RUN_NAME: run_mark(self._run, name)} for name in _processes(spec)}
        return [make(spec, name, own, after) for name, own in marked.items()]

    def _own(self, spec: ServiceSpec, name: str, environ: Mapping[str, str], after: frozenset[str]) -> ProcessPlan:
        port = self.ports.of[name]
        return ProcessPlan(
            name, spec.name, "service", (), serve_environ(self._workspace, spec.name, environ), self._workspace.root,
            port, Probe(HOST, port, "/health/ready"), after, is_handed_over=True,
            make=serve_command(self._workspace, spec.name, f"{HOST}:{port}", environ),
        )  # fmt: skip

    def _command(self, spec: ServiceSpec, name: str, environ: Mapping[str, str], after: frozenset[str]) -> ProcessPlan:
        port = self.ports.of[name]
        bin_folder = str(Path(sys.executable).parent)
        path = os.pathsep.join([bin_folder, environ.get("PATH", os.defpath)])
        environ = {**self._workspace.environ, **environ, "PORT": str(port), "PATH": path}
        argv = with_shim(split_command(spec.command or "", environ), FOREIGN_GRACE_S)
        return ProcessPlan(
            name, spec.name, "foreign", argv, environ, self._workspace.root, port,
            Probe(HOST, port), after, grace_s=FOREIGN_GRACE_S + 2,
        )  # fmt: skip

    def _started(self, service: str, name: str, environ: Mapping[str, str], after: frozenset[str]) -> ProcessPlan:
        """Return the process of a service that was found; it is renewed at every start but the first."""
        assert self._foreign is not None
        foreign, port, seen = self._foreign, self.ports.of[name], [False]
        marked = {**environ, RUN_NAME: run_mark(self._run, name)}

        def make() -> ProcessPlan:
            environment = foreign.environment(service, relax=self._wanted.relax)
            own = environment.over(foreign.environ(service, marked, port))
            argv = with_shim(split_command(foreign.services[service].command, own), FOREIGN_GRACE_S)
            return ProcessPlan(
                name, service, "foreign", argv, own, foreign.folder(service), port, Probe(HOST, port), after,
                grace_s=FOREIGN_GRACE_S + 2,
            )  # fmt: skip

        first = make()

        def renew() -> ProcessPlan:
            if not seen[0]:
                seen[0] = True
                return first
            foreign.refresh()
            if service not in foreign.services:
                raise CommandError(f"{service} is not in this workspace any more.")
            check_startable([foreign.services[service]])
            return make()

        return replace(first, renew=renew)

    def _gateway(self, environ: Mapping[str, str]) -> ProcessPlan:
        port = self.ports.of[GATEWAY]
        return ProcessPlan(
            GATEWAY, GATEWAY, "gateway", (), gateway_environ(environ), self._workspace.root, port, Probe(HOST, port),
            is_handed_over=True, make=gateway_command(self._workspace, HOST, port, self._manifest, environ),
        )  # fmt: skip


def split_command(command: str, environ: Mapping[str, str]) -> list[str]:
    """Return a command's words, ``$NAME`` and ``${NAME}`` replaced; one that needs a shell is given to ``sh``.

    Example:
        >>> split_command("python -m bank --port $PORT", {"PORT": "8300"})
        ['python', '-m', 'bank', '--port', '8300']
        >>> split_command("make fixtures && bank", {})
        ['/bin/sh', '-c', 'make fixtures && bank']
    """
    if SHELL_CHARACTERS.intersection(command) or "$(" in command:
        return ["/bin/sh", "-c", command]
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandError(f"The command {command!r} cannot be read: {error}.", exit_code=3) from error
    return [Template(word).safe_substitute(environ) for word in words]


def _why_fixed(service: ForeignService) -> str:
    """Return why a service cannot listen elsewhere, and what would change that; "" where it can."""
    if not service.is_fixed:
        return ""
    return (
        f"--port-auto cannot help, as `{service.command}` takes no port: "
        f'write port=int(os.environ.get("PORT", {service.port})) in its source.'
    )


def _processes(spec: ServiceSpec) -> list[str]:
    """Return the names of a service's processes, one for each replica."""
    return [spec.name if number == 0 else f"{spec.name}-{number + 1}" for number in range(spec.replicas)]


def _as_environ(everything: Sequence[ServiceSpec], urls: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    names = {spec.name: spec.env_name for spec in everything}
    return {names[service]: ",".join(addresses) for service, addresses in urls.items() if any(addresses)}


def _in_order(started: Sequence[ServiceSpec], order: Mapping[str, frozenset[str]]) -> list[ServiceSpec]:
    """Return foreign services first, then those that others wait for before those that wait."""

    def depth(name: str) -> int:
        return 1 + max((depth(other) for other in order[name]), default=0)

    return sorted(
        started, key=lambda spec: (not spec.foreign, depth(spec.name) if order[spec.name] or not spec.foreign else 0)
    )
