"""Mount what the hosted modules offer: their pages as written, their operations at the edge and between services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any

from flask import Flask, request

from decant.contracts import Contract, ContractInfo, Declared, invoker
from decant.errors import SetupError
from decant.http import Operation, bind_app, compile_operation, make_view, register_operation
from decant.modules import Module, Route, check_clashes, manifest
from decant.modules.manifest import own_routes, shape
from decant.service.internal import INTERNAL_PREFIX, require_service
from decant.service.plan import Plan
from decant.service.wire import Hosted, Wiring

View = Callable[..., Any]


def mount(app: Flask, plan: Plan, wiring: Wiring) -> None:
    """Register every hosted module's views and operations.

    Raises:
        SetupError: For a view or an operation that cannot be wired, or two owners of one public path.
    """
    before = own_routes(app)
    for hosted in wiring.hosted.values():
        app.register_blueprint(hosted.module)
        bind_app(app, hosted.registry, within=f"{hosted.module.name}.", guard=hosted.module.guard)
    pages = frozenset((route.method, shape(route.rule)) for route in manifest(app))
    for hosted in wiring.hosted.values():
        for info, service in hosted.services.items():
            for operation, view in _operations(hosted, info, service):
                _mount_operation(app, plan, operation, view, pages)
    ours = [*manifest(app), *_rest(plan)]
    taken = {(route.method, shape(route.rule)) for route in ours}
    check_clashes([*ours, *(route for route in before if (route.method, shape(route.rule)) in taken)])


def _operations(hosted: Hosted, info: ContractInfo, service: type[Contract]) -> Iterator[tuple[Operation, View]]:
    for name, declared in info.operations.items():
        guard = declared.declaration.guard_or(hosted.module.guard)
        operation = compile_operation(
            declared.function,
            name=declared.name,
            declaration=replace(declared.declaration, guard=guard),
            errors=tuple(info.errors.values()),
            skip_self=True,
        )
        yield operation, make_view(operation, invoker(service, name, hosted.registry, operation.check))


def _mount_operation(
    app: Flask, plan: Plan, operation: Operation, view: View, pages: Collection[tuple[str, str]]
) -> None:
    """Let an operation answer at the edge below the prefix, and between services.

    Calls from other services arrive below :data:`INTERNAL_PREFIX`, where no page can be in the way; whoever has
    no token finds a public operation at its own path too, unless a page has that path.
    """
    public, rule = operation.declaration.public, operation.rule
    if public:
        _add(app, operation, plan.prefix + rule, operation.name, _at_the_edge(view, plan.prefix))
        register_operation(app, operation, plan.prefix + rule, operation.name, plan.prefix)
    if plan.apart:
        _add(app, operation, INTERNAL_PREFIX + rule, f"{operation.name}@services", _for_services(view))
        if public and plan.prefix and (operation.method, shape(rule)) not in pages:
            _add(app, operation, rule, f"{operation.name}@own", view)


def _at_the_edge(view: View, prefix: str) -> View:
    if not prefix:
        return view

    @wraps(view)
    def at_the_edge(**path: Any) -> Any:
        request.environ["decant.prefix"] = prefix
        return view(**path)

    return at_the_edge


def _for_services(view: View) -> View:
    @wraps(view)
    def for_services(**path: Any) -> Any:
        require_service()
        return view(**path)

    return for_services


def _add(app: Flask, operation: Operation, rule: str, endpoint: str, view: View) -> None:
    if endpoint in app.view_functions:
        raise SetupError(
            f"The module {operation.name.partition('.')[0]} has a view and an operation of the same name: {endpoint}.",
            hint="Rename the view, or give its url() another name=.",
        )
    app.add_url_rule(rule, endpoint, view, methods=[operation.method])


def _rest(plan: Plan) -> Iterator[Route]:
    """Yield the public operations of modules that live elsewhere: any grouping must be able to serve all paths."""
    from decant.contracts import contracts_in

    for module in plan.elsewhere:
        api = module.submodule("api")
        for info in contracts_in(api) if api is not None else ():
            for declared in info.operations.values():
                yield from _public_route(plan, module, declared)


def _public_route(plan: Plan, module: Module, declared: Declared) -> Iterator[Route]:
    declaration = declared.declaration
    if declaration.public:
        yield Route(declaration.method, plan.prefix + declaration.rule, declared.name, module.name)
