"""Calls between modules that live in one process.

Direct: a Python call in a scope of its own, so that transactions mean the same as when the modules are
apart. Strict: the same, but arguments, result and errors go through the wire's codec and nothing of the
caller's Flask context is visible, so that what works in one process works in two.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from contextvars import Context
from time import time_ns
from typing import Any, NotRequired, TypeAlias

from pydantic import TypeAdapter
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypedDict

from decant.context import Caller, Guard, call_key, current
from decant.contracts.client import Call, argument_binder, make_client
from decant.contracts.contract import Contract, ContractInfo, Declared, contract_of
from decant.contracts.crossing import arrive, cross
from decant.contracts.restart import Restart, restart_of
from decant.errors import ProtocolError, SetupError, Unavailable, ValidationError
from decant.http.keyed import Keyed
from decant.http.operations import compile_operation
from decant.http.results import Check, Result
from decant.ids import new_span_id
from decant.observe.calls import CallObserver
from decant.wiring import Registry, Scope, resolve_hints

# Pydantic only warns of an object of the wrong class; decoding then finds what matters. Tests make warnings errors.
WRONG = (PydanticError, PydanticSerializationError, TypeError, UserWarning)

_SEGMENT = re.compile(r"<(?:(?:default|string)(?:\([^)]*\))?:)?(\w+)>")
Seen: TypeAlias = Callable[[BaseException, tuple[Any, ...], dict[str, Any]], BaseException]
"""Returns what the caller of an operation sees of its error; called with the arguments of the call."""

_NO_SEGMENT = frozenset(("", ".", ".."))


def direct_client(
    info: ContractInfo, service: type[Contract], registry: Registry, guard: Guard | None = None
) -> Contract:
    """Return a client that calls the service in this process.

    Args:
        info: The contract.
        service: The class that implements it.
        registry: What the service's constructor may ask for.
        guard: The module's own, for public operations that name none.

    Raises:
        SetupError: When the constructor asks for something that nothing provides.
    """
    make, calls = registry.compile(service), {}
    for name, declared in info.operations.items():
        asked = _confirmed(declared, declared.declaration.guard_or(guard))
        seen = _seen_by_callers(info, declared)
        calls[name] = _direct_call(declared, make, getattr(service, name), registry, asked, seen)
    return make_client(info, calls, kind="Direct")


def strict_client(
    info: ContractInfo, service: type[Contract], registry: Registry, guard: Guard | None = None
) -> Contract:
    """Return a client that calls the service in this process as if it were in another one."""
    make, calls = registry.compile(service), {}
    for name, declared in info.operations.items():
        direct = _direct_call(declared, make, getattr(service, name), registry)
        strict = _strict_call(info, declared, direct)
        asked = _confirmed(declared, declared.declaration.guard_or(guard))
        calls[name] = _guarded_strictly(info, declared, strict, asked)
    return make_client(info, calls, kind="Strict")


def _confirmed(declared: Declared, guard: Guard | None) -> Guard | None:
    """Return a guard that refuses first whom a request that changes something would be refused.

    A page that reads goes on while nobody can tell whether its user's token was revoked; what it calls may not change
    anything then, wherever that runs.
    """
    if declared.declaration.method == "GET":
        return guard

    def confirm(caller: Caller) -> None:
        if caller.unconfirmed:
            raise Unavailable("The store of revoked tokens cannot be asked.", may_have_run=False, retry_after_s=1)
        if guard is not None:
            guard(caller)

    return confirm


def _guarded(make: Callable[[Scope], Contract], guard: Guard | None) -> Callable[[Scope], Contract]:
    """Return what makes the service once the guard has let the caller in; nothing is added where there is none."""
    if guard is None:
        return make

    def make_guarded(scope: Scope) -> Contract:
        guard(current.get().caller)
        return make(scope)

    return make_guarded


def invoker(service: type[Contract], name: str, registry: Registry, check: Check) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that runs one operation for a request: a scope of its own, no span of its own.

    Its guard is not asked here but by the view, before the body is read.

    Args:
        service: The class that implements the operation.
        name: The operation's method.
        registry: What the service's constructor may ask for.
        check: Returns a result as the declared type, while the session that made it is open.
    """
    module, declared = _declared(service, name)
    make, function = _keyed(declared, registry.compile(service), getattr(service, name), registry)

    def invoke_by(restart: Restart | None) -> Callable[[Mapping[str, Any]], Any]:
        def invoke(arguments: Mapping[str, Any]) -> Any:
            scope = Scope(registry)
            try:
                result = check(function(make(scope), **arguments))
                scope.close(True)
            except BaseException as error:
                failure = scope.fail(error)
                if restart is None or not restart.wants(failure):
                    if failure is error:
                        raise
                    raise failure from error
            else:
                return result
            return restart(failure, arguments)

        return invoke

    return invoke_by(restart_of(declared.declaration, invoke_by(None), module))


def _declared(service: type[Contract], name: str) -> tuple[str, Declared]:
    """Return the module and the declaration of a service's operation."""
    for parent in service.__mro__:
        info = contract_of(parent)
        if info is not None and name in info.operations:
            return info.module, info.operations[name]
    raise SetupError(f"{service.__name__}.{name} is not an operation of any contract.")


def _direct_call(
    declared: Declared,
    make: Callable[[Scope], Contract],
    function: Callable[..., Any],
    registry: Registry,
    guard: Guard | None = None,
    seen: Seen | None = None,
) -> Call:
    """Return the call of an operation, run again where the database asks for it and the operation allows it."""
    make, function = _keyed(declared, make, function, registry, between=True)
    make = _guarded(make, guard)  # asked before the key is looked at: a stored answer is not for everybody either
    once = _one_call(declared, make, function, registry, None, seen)
    restart = restart_of(declared.declaration, once, declared.name.partition(".")[0])
    return once if restart is None else _one_call(declared, make, function, registry, restart, seen)


def _seen_by_callers(info: ContractInfo, declared: Declared) -> Seen:
    """Return what a caller sees of an error; nothing of it is needed before there is one."""

    def seen(error: BaseException, args: tuple[Any, ...], kwargs: dict[str, Any]) -> BaseException:
        if type(error) is TypeError and not _fits(declared, args, kwargs):
            return error  # the caller's own mistake, which leaves no process
        return arrive(declared.name, info.errors, error)

    return seen


def _fits(declared: Declared, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        argument_binder(declared)(args, kwargs)
    except TypeError:
        return False
    return True


def _keyed(
    declared: Declared,
    make: Callable[[Scope], Any],
    function: Callable[..., Any],
    registry: Registry,
    *,
    between: bool = False,
) -> tuple[Callable[[Scope], Any], Callable[..., Any]]:
    """Return ``make`` and ``function`` so that together they honour the call's idempotency key, where that is asked."""
    if declared.declaration.idempotent is not True:
        return make, function
    operation = compile_operation(
        declared.function, name=declared.name, declaration=declared.declaration, skip_self=True
    )
    run, bind = Keyed(operation, registry, between=between).run, argument_binder(declared)

    def keyed(scope: Scope, *args: Any, **kwargs: Any) -> Any:
        return run(scope, bind(args, kwargs), lambda: function(make(scope), *args, **kwargs))

    return lambda scope: scope, keyed


def _one_call(
    declared: Declared,
    make: Callable[[Scope], Contract],
    function: Callable[..., Any],
    registry: Registry,
    restart: Restart | None,
    seen: Seen | None,
) -> Call:
    decant_operation = declared.name  # by this name a frame tells which operation it runs
    observe = CallObserver(decant_operation, "direct").finish
    check = Result(resolve_hints(declared.function, decant_operation).get("return", Any), decant_operation).check
    set_current, reset, get_current, get_key = current.set, current.reset, current.get, call_key.get

    def call(*args: Any, **kwargs: Any) -> Any:
        context = get_current()
        if context.deadline is not None:
            context.check_deadline(decant_operation)
        span_id, key = new_span_id(), get_key()
        token = set_current(context.child(span_id, key))
        key_token = None if key is None else call_key.set(None)  # the key is for this call and not for those it makes
        scope = Scope(registry)
        started = time_ns()
        try:
            result = check(function(make(scope), *args, **kwargs))
            if scope.closers:
                scope.close(True)
        except BaseException as error:
            failure = scope.fail(error)
            observe(context, span_id, started, failure)
            if restart is None or not restart.wants(failure):
                arriving = failure if seen is None else seen(failure, args, kwargs)
                if arriving is error:
                    raise
                if arriving is not failure and failure is not error:
                    failure.__cause__ = error
                raise arriving from (error if arriving is failure else failure)
        else:
            observe(context, span_id, started, None)
            return result
        finally:
            reset(token)
            if key_token is not None:
                call_key.reset(key_token)
        return restart(failure, *args, **kwargs)

    return call


def _guarded_strictly(info: ContractInfo, declared: Declared, call: Call, guard: Guard | None) -> Call:
    """Return a call that asks the guard before it looks at the arguments, as the other side would."""
    if guard is None:
        return call

    def guarded(*args: Any, **kwargs: Any) -> Any:
        context = current.get()
        context.check_deadline(declared.name)
        try:
            guard(context.caller)
        except Exception as error:
            raise cross(declared.name, info.errors, error) from error
        return call(*args, **kwargs)

    return guarded


def _strict_call(info: ContractInfo, declared: Declared, direct: Call) -> Call:
    operation, bind = declared.name, argument_binder(declared)
    arguments, result = wire_types(declared)
    dump_arguments, load_arguments = arguments.serializer.to_json, arguments.validator.validate_json
    dump_result, load_result = result.serializer.to_json, result.validator.validate_json

    plain, segments = _plain_parameters(declared), frozenset(_SEGMENT.findall(declared.declaration.rule))

    def send(values: dict[str, Any]) -> dict[str, Any]:
        for name in segments:
            if isinstance(value := values.get(name), str) and (value in _NO_SEGMENT or "/" in value):
                raise ValidationError(f"{operation}: {name}={value!r} would not arrive as a part of a path.")
        for name, value in values.items():
            kind = type(value)
            if kind is not plain.get(name) or (kind is str and not value.isascii()):
                break
        else:
            return values  # the codec would give back the very same
        try:
            sent: dict[str, Any] = load_arguments(dump_arguments(values), strict=True)
        except WRONG as wrong:
            raise ValidationError(
                f"{operation} was called with arguments that its contract does not allow: {wrong}"
            ) from None
        return sent

    def answer(value: Any) -> Any:
        try:
            return load_result(dump_result(value))
        except WRONG as wrong:
            raise ProtocolError(
                f"{operation} returned {type(value).__name__}, which does not fit its contract: {wrong}",
                operation=operation,
                hint=f"Return {result._type!r} from the service, with every field set.",
            ) from None

    def call(*args: Any, **kwargs: Any) -> Any:
        context = current.get()
        context.check_deadline(operation)
        sent = send(bind(args, kwargs))
        apart = Context()
        apart.run(current.set, context)
        apart.run(call_key.set, call_key.get())
        try:
            return answer(apart.run(direct, **sent))
        except Exception as error:
            raise cross(operation, info.errors, error) from error

    return call


def _plain_parameters(declared: Declared) -> dict[str, type]:
    """Return the parameters whose values the wire cannot change, by name: plain text, whole numbers, truth values."""
    hints = resolve_hints(declared.function, declared.name)
    return {name: kind for name, kind in hints.items() if kind in (str, int, bool)}


def wire_types(declared: Declared) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
    """Return adapters for an operation's arguments (one mapping) and for its result."""
    hints = resolve_hints(declared.function, declared.name)
    parameters = list(inspect.signature(declared.function).parameters.values())[1:]
    fields = {
        parameter.name: hints[parameter.name]
        if parameter.default is parameter.empty
        else NotRequired[hints[parameter.name]]
        for parameter in parameters
    }
    arguments: Any = TypedDict("Arguments", fields)  # type: ignore[misc]
    return TypeAdapter(arguments), TypeAdapter(hints.get("return", Any))
