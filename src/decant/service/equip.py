"""What every service has beside its modules: the kit, health checks, and the API's document."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Flask
from pydantic import SecretStr

from decant.http.health import HealthCheck
from decant.http.openapi import install_openapi
from decant.http.results import is_response
from decant.http.views import Registered
from decant.kit import Kit, KitSettings
from decant.service.plan import Plan
from decant.service.readiness import DatabaseCheck
from decant.settings import CallSettings, HttpSettings, LogSettings, OtelSettings, RuntimeSettings

if TYPE_CHECKING:
    from decant.db import ModuleDatabase


def equip(app: Flask, plan: Plan, databases: Mapping[str, ModuleDatabase]) -> None:
    """Add the kit and the API's document to a service whose modules are mounted.

    An application that has a kit already keeps it.
    """
    if "decant.kit" not in app.extensions:
        asked = {
            module.name: DatabaseCheck(module, databases[module.name])
            for module in plan.hosted
            if module.name in databases
        }
        Kit(
            app,
            settings=_kit_settings(plan),
            name=plan.name,
            checks=[HealthCheck(f"{name}-database", ask) for name, ask in asked.items()],
            edge=None if plan.apart else [_module_check(module.name, asked) for module in plan.hosted],
            environ={**os.environ, **_otel_names(plan.settings.get(OtelSettings))},
        )
    http = plan.settings.get(HttpSettings)
    install_openapi(
        app,
        title=http.openapi_title or (plan.name if plan.apart else plan.workspace or plan.name),
        version=http.openapi_version,
        include=_is_described,
        docs="/docs" if http.docs else None,
    )


def _otel_names(otel: OtelSettings) -> dict[str, str]:
    """Return what any layer says for OpenTelemetry, under its standard names, which is how its exporter takes it."""
    said = {f"OTEL_{name.upper()}": getattr(otel, name) for name in type(otel).model_fields}
    return {name: _as_text(value) for name, value in said.items() if value is not None}


def _as_text(value: SecretStr | str | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _kit_settings(plan: Plan) -> KitSettings:
    log, http = plan.settings.get(LogSettings), plan.settings.get(HttpSettings)
    return KitSettings(
        log_level=log.level,
        log_format=log.format,
        max_body_bytes=http.max_body_bytes,
        metrics_path=http.metrics_path or None,
        deadline_s=plan.settings.get(CallSettings).deadline_s,
        expose_errors=plan.expose,
        trusted_proxies=plan.settings.get(RuntimeSettings).trusted_proxies,
    )


def _module_check(name: str, asked: Mapping[str, DatabaseCheck]) -> HealthCheck:
    """A module that runs here is well when its database is; one without tables always is."""
    return HealthCheck(name, asked.get(name, lambda: True))


def _is_described(registered: Registered) -> bool:
    """Leave pages out: a view that makes its own response says nothing about it."""
    return not is_response(registered.operation.result)
