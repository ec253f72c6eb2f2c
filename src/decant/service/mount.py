"""Mount what the hosted modules offer: their pages as written, their operations at the edge and between services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, request

from decant.contracts import Contract, ContractInfo, Declared, invoker
from decant.errors import SetupError
from decant.http import Operation, bind_view, compile_operation, make_view, register_operation
from decant.modules import Module, Route, check_clashes, manifest
from decant.service.internal import require_service
from decant.service.plan import Plan
from decant.service.wire import Hosted, Wiring

View = Callable[..., Any]


def mount(app: Flask, plan: Plan, wiring: Wiring) -> None:
    """Register every hosted module's views and operations.

    Raises:
        SetupError: For a view or an operation that cannot be wired, or two owners of one path.
    """
    for hosted in wiring.hosted.values():
        app.register_blueprint(hosted.module)
        _bind_views(app, hosted)
        for info, service in hosted.services.items():
            _mount_contract(app, plan, hosted, info, service)
    check_clashes([*manifest(app), *_rest(plan)])


def _bind_views(app: Flask, hosted: Hosted) -> None:
    """Give the module's typed views their parameters. Plain views stay as they are."""
    prefix = f"{hosted.module.name}."
    for rule in [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(prefix)]:
        bound = bind_view(
            app.view_functions[rule.endpoint],
            hosted.registry,
            name=rule.endpoint,
            rule=rule.rule,
            methods=sorted(rule.methods or ()),
        )
        app.view_functions[rule.endpoint] = bound.function
        for operation in bound.operations:
            register_operation(app, operation, rule.rule, rule.endpoint)


def _mount_contract(app: Flask, plan: Plan, hosted: Hosted, info: ContractInfo, service: type[Contract]) -> None:
    for name, declared in info.operations.items():
        operation = compile_operation(
            declared.function,
            name=declared.name,
            declaration=declared.declaration,
            injector=None,
            errors=tuple(info.errors.values()),
            skip_self=True,
        )
        view = make_view(operation, invoker(service, name, hosted.registry))
        _mount_operation(app, plan, hosted.module, operation, view)


def _mount_operation(app: Flask, plan: Plan, module: Module, operation: Operation, view: View) -> None:
    """Let an operation answer at the edge below the prefix, and at its own path for other services."""
    public, rule = operation.declaration.public, operation.rule
    if public:
        _add(app, module, operation, plan.prefix + rule, operation.name, _at_the_edge(view, plan.prefix))
        register_operation(app, operation, plan.prefix + rule, operation.name, plan.prefix)
    if plan.apart and not public:
        _add(app, module, operation, rule, operation.name, _for_services(view))
    if plan.apart and public and plan.prefix:
        _add(app, module, operation, rule, f"{operation.name}@services", view)


def _at_the_edge(view: View, prefix: str) -> View:
    if not prefix:
        return view

    def at_the_edge(**path: Any) -> Any:
        request.environ["decant.prefix"] = prefix
        return view(**path)

    return at_the_edge


def _for_services(view: View) -> View:
    def for_services(**path: Any) -> Any:
        require_service()
        return view(**path)

    return for_services


def _add(app: Flask, module: Module, operation: Operation, rule: str, endpoint: str, view: View) -> None:
    if endpoint in app.view_functions:
        raise SetupError(
            f"The module {module.name} has a view and an operation of the same name: {endpoint}.",
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
