"""The relays and consumers of the modules that a service hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from decant.service.plan import Plan
from decant.service.wire import Wiring

if TYPE_CHECKING:
    from decant.db import ModuleDatabase
    from decant.events import EventRunner


def event_runner(plan: Plan, wiring: Wiring, databases: Mapping[str, ModuleDatabase]) -> EventRunner | None:
    """Return what moves events for the hosted modules, not started; None where no module has a database.

    A module without tables can neither publish nor handle events: outbox and inbox live in its database.
    """
    if not databases:
        return None
    from decant.events import EmbeddedTransport, EventRunner, Participant, handlers_in

    participants = [
        Participant(
            database=databases[name],
            handlers=handlers_in(hosted.module.submodule("handlers")),
            registry=hosted.registry,
        )
        for name, hosted in wiring.hosted.items()
        if name in databases
    ]
    return EventRunner(plan.home, EmbeddedTransport(plan.home / "events.sqlite3"), participants)
