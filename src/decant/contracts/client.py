"""Clients: what a caller gets for a contract. The class is the contract's own; only the calls differ."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from decant.contracts.contract import Contract, ContractInfo, Declared
from decant.wiring import Scope

Call = Callable[..., Any]
"""Runs one operation; called as the operation is."""


class CallCheck(Protocol):
    """Looks at the caller before each of its calls; raises to refuse one."""

    def __call__(self, scope: Scope, operation: str, /) -> None:
        """Allow a call.

        Args:
            scope: What the caller has made so far, its session for instance.
            operation: What it calls, for instance ``catalog.get_product``.
        """
        ...


def make_client(info: ContractInfo, calls: Mapping[str, Call], *, kind: str) -> Contract:
    """Return an object of the contract's type whose operations run ``calls``.

    Args:
        info: The contract.
        calls: How each operation is called, by its name in the contract.
        kind: ``Direct``, ``Strict`` or ``Remote``: named in the class, so that tracebacks and ``repr`` say it.
    """
    methods = {name: _method(info.operations[name], call) for name, call in calls.items()}
    name = f"{kind}{info.contract.__name__}"
    made: Contract = type(name, (info.contract,), {"__doc__": info.contract.__doc__, "__slots__": (), **methods})()
    return made


def checked_clients(info: ContractInfo, client: Contract, check: CallCheck) -> Callable[[Scope], Contract]:
    """Return a function that makes a client for one caller's scope, whose calls ask ``check`` first.

    Args:
        info: The contract.
        client: What the calls that are allowed go to.
        check: Allows a call, or raises.
    """

    def make(scope: Scope) -> Contract:
        made: Contract = kind()
        made.__dict__["_scope"] = scope
        return made

    def checked(declared: Declared, name: str) -> Callable[..., Any]:
        call = getattr(client, name)

        def method(self: Contract, *args: Any, **kwargs: Any) -> Any:
            check(self.__dict__["_scope"], declared.name)
            return call(*args, **kwargs)

        return _looks_like(declared, method)

    methods = {name: checked(declared, name) for name, declared in info.operations.items()}
    kind = type(type(client).__name__, (info.contract,), {"__doc__": info.contract.__doc__, **methods})
    return make


def _method(declared: Declared, call: Call) -> Callable[..., Any]:
    def method(_self: Contract, *args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    return _looks_like(declared, method)


def _looks_like(declared: Declared, method: Callable[..., Any]) -> Callable[..., Any]:
    method.__name__ = declared.function.__name__
    method.__qualname__ = declared.function.__qualname__
    method.__doc__ = declared.function.__doc__
    # help(), inspect and the check of services see the operation's own signature.
    method.__signature__ = inspect.signature(declared.function)  # type: ignore[attr-defined]
    return method


def argument_binder(declared: Declared) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Return a function that turns ``(args, kwargs)`` into arguments by name; defaults stay left out.

    Raises:
        TypeError: From the returned function, as a plain call would.
    """
    signature = inspect.signature(declared.function)
    signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    names = tuple(signature.parameters)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if not kwargs and len(args) == len(names):
            return dict(zip(names, args, strict=True))
        return dict(signature.bind(*args, **kwargs).arguments)

    return bind
