"""Wire modules: what each may inject, and how each contract is called from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from decant.clock import Clock, SystemClock
from decant.context import CallContext, current
from decant.contracts import (
    CallCheck,
    Contract,
    ContractInfo,
    checked_clients,
    contracts_in,
    direct_client,
    services_in,
    strict_client,
)
from decant.errors import SetupError
from decant.modules import Module
from decant.rpc import Target, Transport, remote_client, transport_named
from decant.rpc.client import TokenIssuer
from decant.rpc.policy import Edge, Upstream
from decant.service.plan import Plan
from decant.service.settings import provide_settings
from decant.settings import CallSettings
from decant.wiring import Registry, Scope


class Hosted:
    """A module that lives here: its contracts with the services that implement them, and its injectables."""

    __slots__ = ("module", "registry", "services")

    def __init__(self, module: Module, parent: Registry) -> None:
        self.module = module
        self.registry = Registry(parent)
        self.services = dict(_services(module))
        for provided in module.provided:
            self.registry.add_factory(provided.kind, provided.factory, close=provided.close)


class Wiring:
    """Everything that is injected in one service.

    Attributes:
        registry: What every module may ask for: contracts, the call's context and caller, the clock.
        hosted: The modules that live here, by name.
        contracts: A client for each contract of the workspace, by its class, for what calls from outside a module.
    """

    def __init__(self, plan: Plan, tokens: TokenIssuer | None) -> None:
        self.registry = Registry()
        self.registry.add_getter(CallContext, lambda scope: current.get())
        clock = SystemClock()
        self.registry.add_getter(Clock, lambda scope: clock)
        self.contracts: dict[type[Contract], Contract] = {}
        self._edges: dict[tuple[str, type[Contract]], Contract] = {}
        self.hosted = {module.name: Hosted(module, self.registry) for module in plan.hosted}
        for hosted in self.hosted.values():
            provide_settings(hosted.registry, hosted.module, plan.settings)
        self._plan = plan
        self._tokens = tokens
        for info in self._declared():
            # Fetched from the table at each call, so that modules which call each other can be wired in any order.
            self.registry.add_getter(info.contract, self._getter(info.contract))
        for module in plan.elsewhere:
            for info in _contracts(module):
                for name, hosted in self.hosted.items():
                    hosted.registry.add_getter(info.contract, self._edge_getter(name, info.contract))

    def check_calls(self, module: str, check: CallCheck) -> None:
        """Let ``check`` look at a hosted module's scope before each call from it; before :meth:`connect`."""
        for info in self._declared():
            self.hosted[module].registry.add_getter(info.contract, self._checked_getter(module, info, check))

    def connect(self) -> None:
        """Make the client of every contract; called once all injectables are registered.

        Raises:
            SetupError: For a service that asks for something nobody provides, or a contract without service.
        """
        make = strict_client if self._plan.mode == "strict" else direct_client
        for hosted in self.hosted.values():
            for info, service in hosted.services.items():
                self.contracts[info.contract] = make(info, service, hosted.registry, hosted.module.guard)
        if self._plan.elsewhere:
            self._connect_elsewhere(transport_named(self._plan.settings.get(CallSettings).transport))

    def _connect_elsewhere(self, transport: Transport) -> None:
        for module, target in self._plan.elsewhere.items():
            policies = self._plan.calls
            upstream = Upstream(module.name, target.urls, policies.of(module.name).breaker)
            edge = Edge(self._plan.name, upstream, policies.of(module.name))
            own = {name: Edge(name, upstream, policies.of(module.name, name)) for name in self.hosted}
            for info in _contracts(module):
                self.contracts[info.contract] = self._remote(info, target, transport, edge)
                for name, its in own.items():
                    self._edges[name, info.contract] = self._remote(info, target, transport, its)

    def _remote(self, info: ContractInfo, target: Target, transport: Transport, edge: Edge) -> Contract:
        if self._tokens is None:
            raise SetupError(f"{info.contract.__name__} is in the service {target.service}, and nothing signs calls.")
        return remote_client(info, target, transport, self._tokens, edge)

    def _declared(self) -> Iterator[ContractInfo]:
        for module in (*self._plan.hosted, *self._plan.elsewhere):
            yield from _contracts(module)

    def _client(self, module: str, contract: type[Contract]) -> Contract:
        """Return the client that a hosted module calls: its own edge, or the one that all share in this process."""
        return self._edges.get((module, contract)) or self.contracts[contract]

    def _checked_getter(self, module: str, info: ContractInfo, check: CallCheck) -> Any:
        @cache
        def maker() -> Callable[[Scope], Contract]:
            return checked_clients(info, self._client(module, info.contract), check)

        def get(scope: Scope) -> Contract:
            return maker()(scope)

        return get

    def _getter(self, contract: type[Contract]) -> Any:
        return lambda scope: self.contracts[contract]

    def _edge_getter(self, module: str, contract: type[Contract]) -> Any:
        return lambda scope: self._edges[module, contract]


def dependencies(module: Module) -> set[str]:
    """Return the names of the modules whose contracts this module's services ask for."""
    needed = set()
    for service in _services(module).values():
        for kind in _annotations(service):
            info = getattr(kind, "__contract__", None)
            if isinstance(info, ContractInfo) and info.module != module.name:
                needed.add(info.module)
    return needed


def service_classes(module: Module) -> Iterable[type[Contract]]:
    """Return the classes that implement a module's contracts."""
    return _services(module).values()


def _annotations(service: type[Contract]) -> list[Any]:
    from decant.wiring import resolve_hints

    if service.__init__ is object.__init__:
        return []
    return list(resolve_hints(service.__init__, service.__qualname__).values())


def _contracts(module: Module) -> list[ContractInfo]:
    api = module.submodule("api")
    return list(contracts_in(api)) if api is not None else []


def _services(module: Module) -> Mapping[ContractInfo, type[Contract]]:
    code = module.submodule("service")
    found: dict[ContractInfo, type[Contract]] = {}
    for service, info in services_in(code) if code is not None else ():
        if info in found:
            raise SetupError(
                f"The module {module.name} implements {info.contract.__name__} twice: "
                f"{found[info].__name__} and {service.__name__}.",
                hint="Keep one in service.py, and move the other to another file, for instance tests.",
            )
        found[info] = service
    for info in _contracts(module):
        if info not in found:
            raise SetupError(
                f"The module {module.name} declares {info.contract.__name__}, and no service implements it.",
                hint=f"Write in service.py: class {info.contract.__name__}Service({info.contract.__name__}): …",
            )
    return found
