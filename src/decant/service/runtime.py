"""What one service holds while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from flask import Flask

from decant.contracts import Contract
from decant.errors import SetupError
from decant.faults import Faults
from decant.modules import Module
from decant.observe.tracing import spans
from decant.service.plan import Plan
from decant.service.wire import Wiring
from decant.wiring import Registry

if TYPE_CHECKING:
    from decant.auth import Identity
    from decant.db import ModuleDatabase
    from decant.events import EventRunner
    from decant.events.doorbell import Doorbell
    from decant.sagas import SagaRunner

C = TypeVar("C", bound=Contract)

SAGAS = "sagas"
"""The folder in ``DECANT_HOME`` where processes that work on sagas have their doorbells."""


class Runtime:
    """A service's parts, kept at ``app.extensions["decant"]``.

    Nothing runs in the background before :meth:`start`: making an application, for a test or a command,
    has no side effects.

    Attributes:
        plan: What the service hosts and what it reaches elsewhere.
        modules: The hosted modules, in the order in which they depend on each other.
        databases: The hosted modules' databases, by module name.
        wiring: What can be injected, and the clients of all contracts.
        events: Relays and consumers of the hosted modules.
        sagas: What carries the hosted modules' sagas on.
        identity: Who asks: keys, tokens and their stores, each made when it is first needed.
        faults: The workspace's failure switches.
    """

    def __init__(
        self,
        plan: Plan,
        wiring: Wiring,
        databases: Mapping[str, ModuleDatabase],
        events: EventRunner | None,
        identity: Identity,
        *,
        sagas: SagaRunner | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.plan = plan
        self.wiring = wiring
        self.databases = databases
        self.events = events
        self.identity = identity
        self.sagas = sagas
        self.faults = faults or Faults((), None)
        self._works = False
        self._bell: Doorbell | None = None
        self._unsubscribe: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Runtime of {self.name!r}: {', '.join(module.name for module in self.modules)}>"

    @property
    def name(self) -> str:
        """The service's name."""
        return self.plan.name

    @property
    def modules(self) -> Sequence[Module]:
        return self.plan.hosted

    def client(self, contract: type[C]) -> C:
        """Return a client of any contract in the workspace, wherever its module runs.

        Raises:
            SetupError: For a contract that no module of the workspace declares.
        """
        client = self.wiring.contracts.get(contract)
        if not isinstance(client, contract):
            known = ", ".join(sorted(kind.__name__ for kind in self.wiring.contracts))
            raise SetupError(f"No module of this workspace declares {contract.__name__}.", hint=f"There are: {known}.")
        return client

    def registry(self, module: str) -> Registry:
        """Return what a hosted module's services may ask for."""
        return self.wiring.hosted[module].registry

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do in the background."""
        return self.events is not None or self.sagas is not None

    def start(self, *, work: bool = True) -> None:
        """Start background work: event relays, consumers, sagas. Called by the process that serves.

        Args:
            work: Do it here. Otherwise other processes do (``decant worker``), and this one only wakes them.
        """
        if spans.recording:
            spans.start()
        if not self.has_work:
            return
        self._works = work
        if work:
            self._start_work()
        else:
            self._wake_others()

    def _start_work(self) -> None:
        if self.events is not None:
            self.events.start()
        if self.sagas is not None:
            from decant.events.doorbell import Doorbell

            self._bell = Doorbell(self.plan.home / SAGAS, self.sagas.wake)
            self._bell.start()
            self.sagas.start()

    def _wake_others(self) -> None:
        """Tell the processes that do the work of each event and each saga, as soon as it is committed."""
        from decant.events.doorbell import ring
        from decant.events.outbox import wake_on_commit

        for module in self.databases:
            self._unsubscribe.append(wake_on_commit(module, partial(ring, self.plan.home)))
        if self.sagas is None:
            return
        from decant.sagas.starting import wake_on_start

        for module in self.sagas.dispatchers:
            self._unsubscribe.append(wake_on_start(module, partial(ring, self.plan.home / SAGAS)))

    def stop(self, grace_s: float) -> None:
        """Stop background work, in at most ``grace_s`` seconds, and close every connection to databases and stores."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        if self._works:
            self._stop_work(grace_s)
        for database in self.databases.values():
            database.close()
        self.identity.close()
        spans.stop()

    def _stop_work(self, grace_s: float) -> None:
        ends = time.monotonic() + grace_s
        if self.sagas is not None:
            self.sagas.ask_to_stop()
        if self._bell is not None:
            self._bell.stop()
            self._bell = None
        if self.events is not None:
            self.events.stop(grace_s)
        if self.sagas is not None:
            self.sagas.stop(max(0.0, ends - time.monotonic()))

    def migrate(self) -> dict[str, str | None]:
        """Bring the hosted modules' databases to their newest revision, in order.

        Returns:
            The revision of each, by module name; None for a module without migrations.
        """
        from decant.db import upgrade_all

        return upgrade_all([module for module in self.modules if module.name in self.databases], self.databases)

    def seed(self) -> tuple[str, ...]:
        """Run each hosted module's ``seed.py``: a function ``seed`` whose parameters are injected.

        It runs at every development start, so it must leave alone what is there already.

        Returns:
            The names of the modules that have one.
        """
        seeded = []
        for module in self.modules:
            code = module.submodule("seed")
            if code is not None:
                with self.registry(module.name).open() as scope:
                    self.registry(module.name).compile(code.seed)(scope)
                seeded.append(module.name)
        return tuple(seeded)


def runtime_of(app: Flask) -> Runtime:
    """Return the runtime of an application that :func:`~decant.service.create_app` made.

    Raises:
        SetupError: For any other application.
    """
    runtime = app.extensions.get("decant")
    if not isinstance(runtime, Runtime):
        raise SetupError(
            f"The application {app.name!r} has no Decant modules.",
            hint="Make it with decant.create_app(), or add modules to it with decant.init_app(app, modules=[…]).",
        )
    return runtime
