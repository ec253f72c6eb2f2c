"""Operations as Flask views: parse, run, answer.

A view that carries ``@operation`` is bound to an injector and to the rule that it is registered with; any
other view is left exactly as it is.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

from flask import Flask, Request, request
from flask.views import MethodView, View
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from decant.context import Guard
from decant.context import current as call_context
from decant.errors import DomainError, SetupError
from decant.http.declare import Declaration, declaration_of
from decant.http.keyed import Keyed, check_header
from decant.http.operations import Operation, compile_operation
from decant.idempotency import IdempotencyKeyMalformed
from decant.wiring import Factory, Injector

INTERNAL_KEY = "decant.internal"
"""Key in the WSGI environment: True for a call between services, which ignores unknown fields."""

EXTENSION = "decant.operations"
"""Key in ``app.extensions``: the list of every :class:`Registered` operation."""

Invoke = Callable[[dict[str, Any]], Any]
Read = Callable[[Request, Mapping[str, Any], bool], dict[str, Any]]
Serve = Callable[[Request, Mapping[str, Any]], Response]


@dataclass(frozen=True, slots=True)
class Registered:
    """An operation in an application, as the API document needs it.

    Attributes:
        operation: The operation.
        rule: Its full path in Flask's syntax, prefix included.
        endpoint: Flask's name for it.
        prefix: The public prefix in front of the operation's own path; "" without one.
        public: Whether it is reachable through the edge.
    """

    operation: Operation
    rule: str
    endpoint: str
    prefix: str = ""
    public: bool = True


@dataclass(frozen=True, slots=True)
class BoundView:
    """A view, ready for ``add_url_rule``, and the operations in it; a plain view has none."""

    function: Callable[..., Any]
    operations: tuple[Operation, ...] = ()


def register_operation(
    app: Flask, operation: Operation, rule: str, endpoint: str, prefix: str = "", *, public: bool = True
) -> None:
    """Make an operation known to the application, for its API document."""
    app.extensions.setdefault(EXTENSION, []).append(Registered(operation, rule, endpoint, prefix, public))


def registered_operations(app: Flask) -> tuple[Registered, ...]:
    """Return the application's operations in the order of registration."""
    return tuple(app.extensions.get(EXTENSION, ()))


def make_view(operation: Operation, invoke: Invoke, guard: Guard | None = None) -> Callable[..., Response]:
    """Return a Flask view that gives a contract operation's arguments to ``invoke`` and answers with its result.

    Args:
        operation: Reads the request and writes the answer.
        invoke: Runs the operation. It ought to return what :attr:`Operation.check` returned, made before
            its session ended.
        guard: The module's own, for a public operation that names none. Asked before the body is read.
    """
    serve = _server(operation, lambda arguments: operation.check(invoke(arguments)))
    return _view(_guarded(serve, operation.declaration.guard_or(guard)), operation.function)


def bind_view(
    view: Any,
    injector: Injector,
    *,
    name: str,
    rule: str,
    methods: Sequence[str] = ("GET",),
    errors: Sequence[type[DomainError]] = (),
    guard: Guard | None = None,
) -> BoundView:
    """Bind a view to what it is registered with, and to what its parameters are injected from.

    Args:
        view: A function, a ``MethodView`` class, or what its ``as_view`` returned.
        injector: Opens a scope for each request, closed with its success or failure.
        name: How logs and errors name it, for instance ``orders.export``.
        rule: The path in Flask's syntax.
        methods: The methods that it is registered for.
        errors: Errors that the whole module documents.
        guard: The module's own, for an operation that names none. Asked before the body is read.

    Returns:
        The function to register. A plain view comes back unchanged, and unguarded.

    Raises:
        SetupError: For a signature that cannot be served.
    """
    binder = _Binder(injector, name, rule, errors, guard)
    if inspect.isclass(view) and issubclass(view, View):
        view = view.as_view(name.rpartition(".")[2])
    kind = getattr(view, "view_class", None)
    if kind is not None and issubclass(kind, MethodView):
        return binder.method_view(view, kind)
    declaration = declaration_of(view)
    if declaration is None:
        return BoundView(view)
    return binder.function(view, declaration, methods)


class _Binder:
    """Binds the functions of one view."""

    def __init__(
        self,
        injector: Injector,
        name: str,
        rule: str,
        errors: Sequence[type[DomainError]],
        guard: Guard | None,
    ) -> None:
        self.injector = injector
        self.name = name
        self.rule = rule
        self.errors = errors
        self.guard = guard

    def function(self, view: Callable[..., Any], declaration: Declaration, methods: Sequence[str]) -> BoundView:
        operations = {method: self._compile(view, declaration, method, self.name) for method in _served(methods)}
        servers = {
            method: self._serve(operation, self._called(operation, view)) for method, operation in operations.items()
        }
        return BoundView(_dispatch(servers, view), tuple(operations.values()))

    def _serve(self, operation: Operation, invoke: Invoke) -> Serve:
        return _guarded(_server(operation, invoke), operation.declaration.guard)

    def _called(self, operation: Operation, view: Callable[..., Any]) -> Invoke:
        """Return the call of a function; without injected parameters there is nothing that a scope could hold."""
        if operation.declaration.idempotent is True or _is_injected(operation):
            return self._scoped(operation, lambda scope: view)
        check = operation.check
        return lambda arguments: check(view(**arguments))

    def method_view(self, view: Callable[..., Any], kind: type[MethodView]) -> BoundView:
        functions: dict[str, Any] = {method: getattr(kind, method.lower(), None) for method in kind.methods or ()}
        declared = {
            method: (function, declaration)
            for method, function in functions.items()
            if (declaration := declaration_of(function)) is not None
        }
        if not declared:
            return BoundView(view)
        make = self._maker(kind)
        operations = {
            method: self._compile(function, declaration, method, f"{self.name}.{method.lower()}", skip_self=True)
            for method, (function, declaration) in declared.items()
        }
        servers = {
            method: self._serve(operation, self._scoped(operation, _bound_method(make, method.lower())))
            for method, operation in operations.items()
        }
        return BoundView(_dispatch(servers, view), tuple(operations.values()))

    def _maker(self, kind: type[MethodView]) -> Callable[[Any], Any]:
        """Return the function that makes an instance, its constructor's parameters injected."""
        compile_target = getattr(self.injector, "compile", None)
        if compile_target is None:
            return lambda scope: kind()
        made: Callable[[Any], Any] = compile_target(kind)
        return made

    def _compile(
        self, function: Callable[..., Any], declaration: Declaration, method: str, name: str, skip_self: bool = False
    ) -> Operation:
        return compile_operation(
            function,
            name=name,
            declaration=self._completed(declaration, method),
            injector=self.injector,
            errors=self.errors,
            skip_self=skip_self,
        )

    def _completed(self, declaration: Declaration, method: str) -> Declaration:
        """Return a declaration with what the rule and the module say; a GET beside other methods needs no keys."""
        idempotent = False if method == "GET" and declaration.idempotent is True else declaration.idempotent
        guard = declaration.guard or self.guard
        return dataclasses.replace(declaration, method=method, rule=self.rule, guard=guard, idempotent=idempotent)

    def _scoped(self, operation: Operation, target: Callable[[Any], Callable[..., Any]]) -> Invoke:
        """Return the call in a scope of its own; the result is checked while its session is open."""
        opened, check = self.injector.open, operation.check
        getters = [(p.name, self.injector.getter(p.type)) for p in operation.parameters if p.kind == "injected"]
        if operation.declaration.idempotent is True:
            target, getters = _keyed(Keyed(operation, self.injector), getters, target), []

        def invoke(arguments: dict[str, Any]) -> Any:
            scope = opened()
            try:
                for name, fetch in getters:
                    arguments[name] = fetch(scope)
                result = check(target(scope)(**arguments))
            except BaseException as error:
                failure = scope.fail(error)
                if failure is error:
                    raise
                raise failure from error
            scope.close(True)
            return result

        return invoke


def _is_injected(operation: Operation) -> bool:
    return any(parameter.kind == "injected" for parameter in operation.parameters)


def _keyed(
    operation: Keyed, getters: Sequence[tuple[str, Factory]], target: Callable[[Any], Callable[..., Any]]
) -> Callable[[Any], Callable[..., Any]]:
    """Return a target that looks at the request's idempotency key before anything is injected."""

    def keyed(scope: Any) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            def work() -> Any:
                injected = {name: fetch(scope) for name, fetch in getters}
                return target(scope)(**arguments, **injected)

            return operation.run(scope, arguments, work)

        return call

    return keyed


def _bound_method(make: Callable[[Any], Any], method: str) -> Callable[[Any], Callable[..., Any]]:
    def bound(scope: Any) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(make(scope), method)
        return function

    return bound


def _served(methods: Iterable[str]) -> list[str]:
    """Return the methods that a function answers itself; Flask derives HEAD from GET, and OPTIONS."""
    own = [method.upper() for method in methods]
    served = [method for method in own if method not in ("HEAD", "OPTIONS")]
    if not served:
        raise SetupError(f"An operation cannot answer {', '.join(own) or 'no method'} alone.", hint="Add GET.")
    return served


def _server(operation: Operation, invoke: Invoke) -> Serve:
    """Return the whole way of a request; ``invoke`` returns a checked result."""
    read, send = operation.read, operation.send
    if IdempotencyKeyMalformed in operation.errors:
        read = _with_key(read)

    def serve(current: Request, path_args: Mapping[str, Any]) -> Response:
        strict = not current.environ.get(INTERNAL_KEY, False)
        return send(invoke(read(current, path_args, strict)), current)

    return serve


def _with_key(read: Read) -> Read:
    """Return what reads a request once its idempotency key is known to be one, or absent."""

    def read_keyed(request: Request, path_args: Mapping[str, Any], strict: bool) -> dict[str, Any]:
        check_header(request.environ)
        return read(request, path_args, strict)

    return read_keyed


def _guarded(serve: Serve, guard: Guard | None) -> Serve:
    """Return what asks the guard first: who may not call learns nothing about a body."""
    if guard is None:
        return serve

    def serve_guarded(request: Request, path_args: Mapping[str, Any]) -> Response:
        guard(call_context.get().caller)
        return serve(request, path_args)

    return serve_guarded


def _view(serve: Serve, wrapped: Any) -> Callable[..., Response]:
    def view(**path_args: Any) -> Response:
        return serve(request._get_current_object(), path_args)  # type: ignore[attr-defined]

    update_wrapper(view, wrapped, updated=())
    return view


def _dispatch(servers: Mapping[str, Serve], wrapped: Any) -> Callable[..., Any]:
    """Return the view that serves each method by its own operation, and the rest as Flask would."""
    if len(servers) == 1 and not hasattr(wrapped, "view_class"):
        return _view(next(iter(servers.values())), wrapped)
    by_method = {**({"HEAD": servers["GET"]} if "GET" in servers else {}), **servers}

    def view(**path_args: Any) -> Any:
        current: Request = request._get_current_object()  # type: ignore[attr-defined]
        serve = by_method.get(current.method)
        return wrapped(**path_args) if serve is None else serve(current, path_args)

    update_wrapper(view, wrapped, updated=())
    for name in ("view_class", "methods", "provide_automatic_options"):
        if hasattr(wrapped, name):
            setattr(view, name, getattr(wrapped, name))
    return view


def bind_app(
    app: Flask,
    injector: Injector,
    *,
    within: str = "",
    errors: Sequence[type[DomainError]] = (),
    guard: Guard | None = None,
) -> None:
    """Bind the views of an application that carry ``@operation``, and register their operations.

    Call it once the last route is registered; views that are bound already stay as they are.

    Args:
        app: The application.
        injector: What the views' parameters are injected from.
        within: Only endpoints that begin with this, for instance ``catalog.``.
        errors: Errors that all these views document.
        guard: For those of these views that name none; views without ``@operation`` are left unguarded.

    Raises:
        SetupError: For a signature that cannot be served.
    """
    rules: dict[str, list[Rule]] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(within):
            rules.setdefault(rule.endpoint, []).append(rule)
    for endpoint, found in rules.items():
        if endpoint in app.view_functions:
            _bind_endpoint(app, endpoint, [(rule, _bind_rule(app, injector, rule, errors, guard)) for rule in found])


def _bind_endpoint(app: Flask, endpoint: str, bound: list[tuple[Rule, BoundView]]) -> None:
    operations = [(rule, operation) for rule, view in bound for operation in view.operations]
    if not operations:
        return
    for rule, operation in operations:
        register_operation(app, operation, rule.rule, endpoint)
    app.view_functions[endpoint] = _dispatch_rules([(rule, view.function) for rule, view in bound])


def _bind_rule(
    app: Flask, injector: Injector, rule: Rule, errors: Sequence[type[DomainError]], guard: Guard | None
) -> BoundView:
    view = app.view_functions[rule.endpoint]
    methods = sorted(rule.methods or ())
    return bind_view(view, injector, name=rule.endpoint, rule=rule.rule, methods=methods, errors=errors, guard=guard)


def _dispatch_rules(views: Sequence[tuple[Rule, Callable[..., Any]]]) -> Callable[..., Any]:
    """Return the view of an endpoint; with several rules each has its own, as their variables differ."""
    first = views[0][1]
    if len(views) == 1:
        return first
    by_rule = {id(rule): function for rule, function in views}  # rules cannot be hashed, and live as long as the app

    def view(**path_args: Any) -> Any:
        return by_rule[id(request.url_rule)](**path_args)

    return update_wrapper(view, first, updated=())
