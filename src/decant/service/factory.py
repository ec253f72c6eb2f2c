"""Make the Flask application of one service."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from decant.clock import Clock
from decant.errors import SetupError
from decant.faults import Board, Faults
from decant.home import ensure_home
from decant.idempotency import IdempotentCalls
from decant.modules import (
    Module,
    in_dependency_order,
    install_endpoint_guard,
    install_static,
    install_templates,
    load_modules,
)
from decant.rpc import Target
from decant.service.application import ServiceApp
from decant.service.browsers import install_browsers
from decant.service.edge import obey_edge, refuse_for_edge
from decant.service.equip import equip
from decant.service.events import event_runner
from decant.service.faults import bound_faults
from decant.service.identity import ServiceIdentity
from decant.service.internal import InternalCalls
from decant.service.mount import mount
from decant.service.plan import CallMode, Plan
from decant.service.runtime import Runtime, runtime_of
from decant.service.sagas import saga_runner
from decant.service.settings import load_settings
from decant.service.wire import Wiring, dependencies
from decant.settings import CallSettings, ModuleUrls, RuntimeSettings, Urls, read_sources
from decant.settings.sources import PRODUCTION

if TYPE_CHECKING:
    from decant.auth.service_tokens import ServiceTokens
    from decant.db import ModuleDatabase
    from decant.topology import ServiceSpec, Workspace

EVERYTHING = "*"
"""In place of a service's name: every module in one process, whatever the topology says."""


def create_app(
    service: str | None = None,
    topology: str | None = None,
    config: str | Path = "decant.toml",
    *,
    environ: Mapping[str, str] | None = None,
) -> Flask:
    """Make the application of one service of a workspace.

    Args:
        service: The service's name; None for the only service of the topology; ``"*"`` for every module in
            one process.
        topology: The topology's name; None for ``DECANT_TOPOLOGY`` or the workspace's default.
        config: The path of ``decant.toml``; looked for in parent folders too.
        environ: The environment; ``os.environ`` by default.

    Raises:
        SettingsError: With every fault in ``decant.toml`` and the environment.
        SetupError: When the modules cannot be wired.

    Example:
        ``app = create_app()`` in ``shop/wsgi.py``; then ``flask --app shop.wsgi run``.
    """
    from decant.topology import load_workspace, make_importable

    environ = os.environ if environ is None else environ
    workspace = load_workspace(config, environ=environ, topology=topology)
    if workspace.package_path is None:
        raise SetupError(
            f"The workspace {workspace.name} has no modules.",
            hint='Name the package that holds them in decant.toml: [workspace] modules = "shop".',
        )
    make_importable(workspace)
    plan = _plan(workspace, _chosen(workspace, service))
    app = ServiceApp(workspace.package, static_folder=None, template_folder=None, root_path=str(workspace.package_path))
    return assemble(app, plan)


def init_app(
    app: Flask,
    modules: Sequence[Module],
    *,
    prefix: str = "",
    mode: CallMode | None = None,
    environ: Mapping[str, str] | None = None,
) -> Runtime:
    """Add modules to an application that exists already, all in its process.

    Settings come from the environment and the application's folder, as in a workspace without ``decant.toml``.

    Args:
        app: Any Flask application.
        modules: The modules to add.
        prefix: What comes before public operations, for instance ``/api``.
        mode: How the modules call each other; by default strict, and direct in production.
        environ: The environment; ``os.environ`` by default.

    Returns:
        The runtime, to migrate databases and to start background work with.

    Raises:
        SetupError: When the modules cannot be wired.
    """
    root = Path(app.root_path)
    sources = read_sources(os.environ if environ is None else environ, root)
    hosted = _in_order(modules)
    settings = load_settings(hosted, sources)
    plan = Plan(
        name=app.name,
        hosted=hosted,
        settings=settings,
        prefix=prefix,
        mode=mode or settings.get(CallSettings).resolved_mode(sources.environment),
        home=ensure_home(root / settings.get(RuntimeSettings).home.expanduser()),
        expose=sources.environment != PRODUCTION,
    )
    assemble(app, plan)
    return runtime_of(app)


def assemble(app: Flask, plan: Plan) -> Flask:
    """Wire a plan's modules into an application: outermost first, as a request meets them."""
    tokens = _tokens(plan) if plan.apart else None
    if tokens is not None:
        known = bool(plan.settings.get(RuntimeSettings).trusted_proxies)
        app.wsgi_app = InternalCalls(  # type: ignore[method-assign]
            app.wsgi_app, tokens, plan.name, trusts_proxies=known
        )
        obey_edge(app)
    identity = ServiceIdentity(plan)
    wiring = Wiring(plan, tokens)
    identity.provide(wiring.registry)
    faults = bound_faults((*plan.hosted, *plan.elsewhere), Board(plan.home) if plan.expose else None)
    wiring.registry.add_value(Faults, faults)
    databases = _databases(plan, wiring)
    install_templates(app, plan.hosted, _folder(plan.shared, "templates"), strict=plan.mode == "strict")
    install_static(app, _folder(plan.shared, "static"))
    if plan.mode == "strict":
        install_endpoint_guard(app, plan.hosted, [module.name for module in plan.elsewhere])
    wiring.connect()
    mount(app, plan, wiring)
    equip(app, plan, databases)
    identity.install(app, wiring)
    install_browsers(app, plan, identity.made)
    if plan.apart:
        refuse_for_edge(app)
    events, sagas = event_runner(plan, wiring, databases), saga_runner(plan, wiring, databases)
    app.extensions["decant"] = Runtime(plan, wiring, databases, events, identity.made, sagas=sagas, faults=faults)
    return app


def _chosen(workspace: Workspace, service: str | None) -> ServiceSpec | None:
    """Return the service to build, or None for every module in one process."""
    services = [spec for spec in workspace.services() if not spec.foreign]
    if service == EVERYTHING:
        return None
    if service is None and len(services) == 1:
        return services[0]
    if service is None:
        names = ", ".join(spec.name for spec in services)
        raise SetupError(
            f"The topology {workspace.topology!r} has {len(services)} services: {names}.",
            hint=f"Say which one, for instance: decant run {services[0].name}" if services else None,
        )
    return workspace.service(service)


def _plan(workspace: Workspace, spec: ServiceSpec | None) -> Plan:
    modules = load_modules(workspace.package, workspace.modules)
    here = set(workspace.modules if spec is None else spec.modules)
    elsewhere = {module: _target(workspace, module) for module in modules if module.name not in here}
    hosted = _in_order([module for module in modules if module.name in here], elsewhere)
    settings = load_settings(hosted, workspace.sources, [module.name for module in elsewhere])
    return Plan(
        name=workspace.name if spec is None else spec.name,
        hosted=hosted,
        settings=settings,
        elsewhere=elsewhere,
        prefix=workspace.public_prefix,
        mode=settings.get(CallSettings).resolved_mode(workspace.sources.environment),
        home=ensure_home(workspace.root / settings.get(RuntimeSettings).home.expanduser()),
        shared=workspace.package_path,
        workspace=workspace.name,
        calls=workspace.calls,
        expose=workspace.sources.environment != PRODUCTION,
    )


def _target(workspace: Workspace, module: Module) -> Target:
    owner = workspace.service_of(module.name)
    url, *others = workspace.urls_of(owner, workspace.sources.environ)
    return Target(owner.name, url, tuple(others))


def _in_order(modules: Sequence[Module], elsewhere: Mapping[Module, Target] | None = None) -> tuple[Module, ...]:
    by_name = {module.name: module for module in modules}
    remote = {module.name for module in elsewhere or {}}
    order = in_dependency_order(by_name, lambda name: dependencies(by_name[name]) - remote)
    return tuple(by_name[name] for name in order)


def _folder(shared: Path | None, name: str) -> Path | None:
    folder = shared / name if shared is not None else None
    return folder if folder is not None and folder.is_dir() else None


def _tokens(plan: Plan) -> ServiceTokens:
    from decant.auth import ServiceTokens, load_or_create_key, parse_key

    given = plan.settings.get(RuntimeSettings).service_key
    if given is not None:
        return ServiceTokens(parse_key(given.get_secret_value(), "DECANT_SERVICE_KEY"), plan.name)
    if not plan.expose:
        raise SetupError(
            "Calls between services have no signing key.",
            hint="In production it is required, the same for every service: set DECANT_SERVICE_KEY to the output of "
            "openssl genpkey -algorithm ed25519",
        )
    return ServiceTokens(load_or_create_key(plan.home / "keys" / "services.pem"), plan.name)


def _databases(plan: Plan, wiring: Wiring) -> dict[str, ModuleDatabase]:
    """Give each hosted module that has models a database, and its services a session."""
    databases: dict[str, ModuleDatabase] = {}
    for module in plan.hosted:
        if module.has("models"):
            databases[module.name] = _database(plan, wiring, module)
    return databases


def _database(plan: Plan, wiring: Wiring, module: Module) -> ModuleDatabase:
    from sqlalchemy.orm import Session

    from decant.db import DatabaseKeys, ModuleDatabase, ReadSession, default_url, refuse_pending_writes

    own, common = plan.settings.get(ModuleUrls, module.name), plan.settings.get(Urls)
    url = own.database_url or common.database_url or default_url(plan.home, module.name)
    # The common replica is the common database's: it does not have what is in a module's own one.
    replica = own.database_replica_url or (None if own.database_url else common.database_replica_url)
    others = {known.name for known in (*plan.hosted, *plan.elsewhere)} - {module.name}
    strict = plan.mode == "strict"
    database = ModuleDatabase(module.name, url, foreign=others, strict=strict, replica_url=replica)
    registry = wiring.hosted[module.name].registry
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    registry.add_factory(ReadSession, lambda scope: database.read_session(), close=database.close_read_session)
    registry.add_translator(database.unavailable)
    calls = IdempotentCalls(DatabaseKeys(database), wiring.registry.getter(Clock)(registry.open()))
    registry.add_value(IdempotentCalls, calls)
    if strict:
        wiring.check_calls(module.name, refuse_pending_writes)
    return database
