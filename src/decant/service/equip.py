"""What every service has beside its modules: the kit, health checks, and the API's document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flask import Flask

from decant.http.health import HealthCheck
from decant.http.openapi import install_openapi
from decant.http.results import is_response
from decant.http.views import Registered
from decant.kit import Kit, KitSettings
from decant.service.plan import Plan
from decant.settings import CallSettings, HttpSettings, LogSettings

if TYPE_CHECKING:
    from decant.db import ModuleDatabase


def equip(app: Flask, plan: Plan, databases: Mapping[str, ModuleDatabase]) -> None:
    """Add the kit and the API's document to a service whose modules are mounted.

    An application that has a kit already keeps it.
    """
    if "decant.kit" not in app.extensions:
        Kit(
            app,
            settings=_kit_settings(plan),
            name=plan.name,
            checks=[HealthCheck(f"{name}-database", database.check) for name, database in databases.items()],
            edge=None if plan.apart else [_module_check(module.name, databases) for module in plan.hosted],
        )
    http = plan.settings.get(HttpSettings)
    install_openapi(
        app,
        title=http.openapi_title or plan.name,
        version=http.openapi_version,
        include=_is_described,
        docs="/docs" if http.docs else None,
    )


def _kit_settings(plan: Plan) -> KitSettings:
    log = plan.settings.get(LogSettings)
    return KitSettings(
        log_level=log.level,
        log_format=log.format,
        max_body_bytes=plan.settings.get(HttpSettings).max_body_bytes,
        deadline_s=plan.settings.get(CallSettings).deadline_s,
        expose_errors=plan.expose,
    )


def _module_check(name: str, databases: Mapping[str, ModuleDatabase]) -> HealthCheck:
    """A module that runs here is well when its database answers; one without tables always is."""
    ask: Callable[[], object] = databases[name].check if name in databases else lambda: True
    return HealthCheck(name, ask)


def _is_described(registered: Registered) -> bool:
    """Leave pages out: a view that makes its own response says nothing about it."""
    return not is_response(registered.operation.result)
