"""How full a module's pool is, as metrics.

``decant_db_pool_in_use`` connections are with a call, ``decant_db_pool_open`` exist at all, and
``decant_db_pool_limit`` may: a call that finds all of them in use waits, and then is told so.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from decant.observe.metrics import Family, gauge

IN_USE = Family(gauge("decant_db_pool_in_use", "Database connections that a call holds now.", ("module",)))
OPEN = Family(gauge("decant_db_pool_open", "Database connections that are open.", ("module",)))
LIMIT = Family(gauge("decant_db_pool_limit", "Database connections that may be open at once.", ("module",)))


def measure_pool(engine: Engine, module: str, limit: int) -> None:
    """Keep the gauges of a module up to date with its engine's pool.

    Args:
        engine: A new engine.
        module: Whose it is.
        limit: How many connections it may open.
    """
    in_use, opened = IN_USE.child(module), OPEN.child(module)
    LIMIT.child(module).set(limit)
    for name, change in (
        ("connect", opened.inc),
        ("close", opened.dec),
        ("checkout", in_use.inc),
        ("checkin", in_use.dec),
    ):
        event.listen(engine, name, _ignoring_arguments(change))


def _ignoring_arguments(change: Any) -> Any:
    def changed(*_: Any) -> None:
        change()

    return changed
