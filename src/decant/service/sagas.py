"""The sagas of the modules that a service hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from decant.errors import SetupError
from decant.service.plan import Plan
from decant.service.wire import Wiring
from decant.settings import SagaSettings

if TYPE_CHECKING:
    from decant.db import ModuleDatabase
    from decant.sagas import SagaRunner


def saga_runner(plan: Plan, wiring: Wiring, databases: Mapping[str, ModuleDatabase]) -> SagaRunner | None:
    """Return what carries the hosted modules' sagas on, not started; None where no module has sagas.

    Raises:
        SetupError: For sagas of a module without database, or one that asks for what nothing provides.
    """
    hosted = [one for one in wiring.hosted.values() if one.module.has("sagas")]
    if not hosted:
        return None
    from decant.sagas import Pace, SagaParticipant, SagaRunner, sagas_in

    participants = []
    for one in hosted:
        sagas = sagas_in(one.module.submodule("sagas"))
        if sagas and one.module.name not in databases:
            raise SetupError(
                f"The module {one.module.name} has sagas and no database to keep them in.",
                hint="Write a models.py, or move the sagas to the module whose data they change.",
            )
        if sagas:
            participants.append(SagaParticipant(databases[one.module.name], sagas, one.registry))
    paced = plan.settings.get(SagaSettings)
    pace = Pace(concurrency=paced.concurrency, lease_s=paced.lease_s, keep_s=paced.keep_s)
    return SagaRunner(participants, pace=pace) if participants else None
