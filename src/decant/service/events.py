"""The relays and consumers of the modules that a service hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from decant.service.plan import Plan
from decant.service.wire import Wiring
from decant.settings import Urls

if TYPE_CHECKING:
    from decant.db import ModuleDatabase
    from decant.events import EventRunner


def event_runner(plan: Plan, wiring: Wiring, databases: Mapping[str, ModuleDatabase]) -> EventRunner | None:
    """Return what moves events for the hosted modules, not started; None where no module has a database.

    A module without tables can neither publish nor handle events: outbox and inbox live in its database.

    Raises:
        SetupError: For an ``EVENTS_URL`` of a kind that nothing speaks, or a handler that cannot be wired.
    """
    if not databases:
        return None
    from decant.events import EventRunner, Participant, handlers_in, transport_for

    participants = [
        Participant(
            database=databases[name],
            handlers=[one for part in ("handlers", "sagas") for one in handlers_in(hosted.module.submodule(part))],
            registry=hosted.registry,
        )
        for name, hosted in wiring.hosted.items()
        if name in databases
    ]
    return EventRunner(plan.home, transport_for(plan.settings.get(Urls).events_url, plan.home), participants)
